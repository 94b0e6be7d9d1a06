namespace Airbench.Data;

/// <summary>Reads every header, and decodes every k-th image small: what is cut off or damaged inside shows only then.</summary>
/// <param name="images">The images.</param>
/// <param name="mostDecoded">Most images that are decoded.</param>
internal sealed class SurveyedImages(IImageSource images, int mostDecoded) : IImageSource
{
    /// <summary>Height and width of decoded images, pixels.</summary>
    public const int Size = 8;

    /// <inheritdoc/>
    public IReadOnlyList<string> Classes => images.Classes;

    /// <inheritdoc/>
    public int Count => images.Count;

    /// <summary>k.</summary>
    public int Stride { get; } = (images.Count + mostDecoded - 1) / mostDecoded;

    /// <summary>By the number of the image; null where it is broken.</summary>
    public ImageHeader?[] Headers { get; } = new ImageHeader?[images.Count];

    /// <inheritdoc/>
    public IEnumerable<SourceImage> Read(Func<int, bool> wanted) => images.Read(wanted);

    /// <inheritdoc/>
    public void Decode(SourceImage image, ImageDecoder decoder, int size, Span<byte> planarRgb)
    {
        var header = ImageDecoder.HeaderOf(image.Bytes.Span);
        if (image.Index % Stride == 0)
        {
            decoder.Decode(image.Bytes.Span, size, planarRgb);
        }
        Headers[image.Index] = header;
    }
}
