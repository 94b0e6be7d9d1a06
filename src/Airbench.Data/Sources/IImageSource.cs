namespace Airbench.Data;

/// <summary>Labelled images in a fixed order: what every kind of source comes down to.</summary>
internal interface IImageSource
{
    /// <summary>Class names in label order.</summary>
    IReadOnlyList<string> Classes { get; }

    /// <summary>How many images <see cref="Read"/> gives, broken ones included.</summary>
    int Count { get; }

    /// <summary>
    /// Every image, always in the same order. The bytes of one are valid until the next is asked for. Called once, from one thread.
    /// </summary>
    IEnumerable<SourceImage> Read();

    /// <summary>Turns an image into uint8 planar RGB [3, size, size]. Called from many threads, each with its own decoder.</summary>
    /// <exception cref="DataException">This image is broken; the message says how.</exception>
    void Decode(SourceImage image, ImageDecoder decoder, int size, Span<byte> planarRgb);
}

/// <summary>One image on its way from its source into the prepared set.</summary>
internal sealed class SourceImage
{
    /// <summary>Where it came from, relative to its source.</summary>
    public required string Path { get; init; }

    /// <summary>Its side.</summary>
    public required Split Split { get; init; }

    /// <summary>Number within its split, for sources that make images from it.</summary>
    public int Index { get; init; }

    /// <summary>Its class; a source that learns it by decoding sets it then.</summary>
    public int Label { get; set; }

    /// <summary>The encoded file or record.</summary>
    public ReadOnlyMemory<byte> Bytes { get; set; }

    /// <summary>Why it cannot be used; null where it can.</summary>
    public string? Error { get; set; }

    /// <summary>First half of the SHA-256 of its decoded pixels.</summary>
    public UInt128 PixelHash { get; set; }
}
