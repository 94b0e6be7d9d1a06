using System.Buffers.Binary;

namespace Airbench.Data;

/// <summary>What the codec does not look at in a WebP: whether the file is all there, and EXIF with the mark that it has in a JPEG.</summary>
internal static class WebPChunks
{
    private const int HeaderBytes = 12;

    /// <summary>Orientation from the chunk EXIF.</summary>
    /// <exception cref="DataException">The file is shorter than it says.</exception>
    public static Orientation Check(ReadOnlySpan<byte> file)
    {
        var end = BinaryPrimitives.ReadUInt32LittleEndian(file[4..]) + 8L;
        if (end > file.Length)
        {
            throw new DataException("is a WebP file that ends too early");
        }
        var rest = file[Math.Min(HeaderBytes, (int)end)..(int)end];
        while (rest.Length >= 8 && BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]) is var length && length <= rest.Length - 8)
        {
            if (rest.StartsWith("EXIF"u8))
            {
                return Exif.OrientationOf(rest.Slice(8, (int)length));
            }
            rest = rest[(int)Math.Min(8 + length + (length & 1), rest.Length)..];   // chunks begin at even places
        }
        return default;
    }
}
