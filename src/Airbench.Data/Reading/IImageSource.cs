namespace Airbench.Data;

/// <summary>Images in a fixed order: what everything that images can come from comes down to.</summary>
public interface IImageSource
{
    /// <summary>Class names; a label is an index into them. Empty where there are no labels.</summary>
    IReadOnlyList<string> Classes { get; }

    /// <summary>Images, broken ones included.</summary>
    int Count { get; }

    /// <summary>What the source holds beside its images; null where there can be nothing.</summary>
    LeftOut? LeftOut => null;

    /// <summary>
    /// The wanted images, always in the same order. The bytes of one are valid until the next is asked for. Enumerated by one thread at a time.
    /// </summary>
    /// <param name="wanted">Which, by their number from 0 to <see cref="Count"/>; the bytes of others are not read.</param>
    /// <exception cref="DataException">The source changed since it was opened, or an archive breaks a bound.</exception>
    /// <exception cref="InvalidFileException">A damaged archive.</exception>
    IEnumerable<SourceImage> Read(Func<int, bool> wanted);

    /// <summary>Turns an image into uint8 planar RGB [3, <paramref name="size"/>, <paramref name="size"/>].</summary>
    /// <remarks>Called by many threads, each with its own decoder.</remarks>
    /// <exception cref="DataException">This image is broken; the message says how.</exception>
    void Decode(SourceImage image, ImageDecoder decoder, int size, Span<byte> planarRgb);
}
