namespace Airbench.Data;

/// <summary>The block of EXIF that a PNG or a WebP holds in a chunk.</summary>
internal static class Exif
{
    private const int OrientationTag = 0x0112;

    /// <summary>The orientation; upright where the block is damaged or does not say.</summary>
    public static Orientation OrientationOf(ReadOnlySpan<byte> block)
    {
        var tiff = block.StartsWith("Exif\0\0"u8) ? block[6..] : block;   // some writers keep the mark that it has in a JPEG
        return Orientation.OfTag(TiffDirectory.Read(tiff)?.Number(tiff, OrientationTag, missing: 1) ?? 1);
    }
}
