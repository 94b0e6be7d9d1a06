namespace Airbench.Data;

/// <summary>
/// An image file as it goes to the codec: checked for what the codec does not look at, and changed where it would give other pixels than those stored.
/// </summary>
internal readonly ref struct EncodedImage
{
    private static ReadOnlySpan<byte> EndOfJpeg => [0xFF, 0xD9];

    /// <summary>Of the bytes.</summary>
    public required ImageFormat Format { get; init; }

    /// <summary>What the codec decodes.</summary>
    public required ReadOnlySpan<byte> Bytes { get; init; }

    /// <summary>How the image is turned; null where the codec tells.</summary>
    public Orientation? Orientation { get; init; }

    /// <summary>Memory that the codec takes besides the pixels, where it depends on the size of the image.</summary>
    public long CodecBytes { get; init; }

    /// <summary>
    /// The same image with other bytes behind its last one, where a JPEG lacks the mark of its end: the image is whole if both have the same pixels.
    /// </summary>
    public ReadOnlySpan<byte> OtherEnd { get; init; }

    /// <summary>Checks a file and prepares it.</summary>
    /// <param name="format">Its format, but not TIFF.</param>
    /// <param name="file">The file.</param>
    /// <exception cref="DataException">It is cut off or damaged, or of a kind that is not read.</exception>
    public static EncodedImage Of(ImageFormat format, ReadOnlySpan<byte> file)
    {
        if (format == ImageFormats.Jpeg)
        {
            return OfJpeg(file);
        }
        if (format == ImageFormats.Png)
        {
            return new() { Format = format, Bytes = file, Orientation = PngChunks.Check(file) };
        }
        if (format == ImageFormats.WebP)
        {
            return new() { Format = format, Bytes = file, Orientation = WebPChunks.Check(file) };
        }
        if (format == ImageFormats.Gif)
        {
            return new() { Format = format, Bytes = GifFirstFrame.Of(file) };
        }
        if (format == ImageFormats.Ico)
        {
            var largest = IcoLargest.Of(file);
            return ImageFormats.Of(largest) == ImageFormats.Png ? Of(ImageFormats.Png, largest) : new() { Format = format, Bytes = largest };
        }
        if (format == ImageFormats.Bmp)
        {
            BmpRuns.Check(file);
        }
        return new() { Format = format, Bytes = file };
    }

    private static EncodedImage OfJpeg(ReadOnlySpan<byte> file)
    {
        var segments = JpegSegments.Read(file);
        if (segments.HasEnd)
        {
            return new() { Format = ImageFormats.Jpeg, Bytes = file, CodecBytes = segments.CoefficientBytes };
        }
        if (!segments.HasAllScans)
        {
            throw new DataException("is a JPEG file that ends too early");
        }
        var data = file.TrimEnd((byte)0xFF);   // half of a marker
        Span<byte> other = stackalloc byte[64];
        other.Fill(0b1011_0110);
        return new()
        {
            Format = ImageFormats.Jpeg,
            Bytes = (byte[])[.. data, .. EndOfJpeg],
            OtherEnd = (byte[])[.. data, .. other, .. EndOfJpeg],
            CodecBytes = segments.CoefficientBytes,
        };
    }
}
