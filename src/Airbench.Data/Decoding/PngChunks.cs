using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace Airbench.Data;

/// <summary>What the codec does not look at in a PNG: the orientation, and the checksums behind the pixels.</summary>
internal static class PngChunks
{
    private const int OrientationTag = 0x0112;

    /// <summary>Orientation from the chunk eXIf. A file that is cut off is left to the codec.</summary>
    /// <exception cref="DataException">A chunk that pixels depend on has a wrong checksum.</exception>
    public static Orientation Check(ReadOnlySpan<byte> file)
    {
        Orientation? orientation = null;
        var rest = file[8..];
        while (rest.Length >= 12 && BinaryPrimitives.ReadUInt32BigEndian(rest) is var length && length <= rest.Length - 12)
        {
            var type = rest.Slice(4, 4);
            var isCritical = (type[0] & 0x20) == 0;   // an upper-case letter
            if (isCritical && Crc32.HashToUInt32(rest.Slice(4, 4 + (int)length)) != BinaryPrimitives.ReadUInt32BigEndian(rest[(8 + (int)length)..]))
            {
                throw new DataException($"is a PNG file whose chunk {Printable(type)} is damaged (wrong CRC)");
            }
            if (type.SequenceEqual("eXIf"u8))
            {
                orientation ??= OrientationOf(rest.Slice(8, (int)length));
            }
            if (type.SequenceEqual("IEND"u8))
            {
                break;
            }
            rest = rest[(12 + (int)length)..];
        }
        return orientation ?? default;
    }

    /// <summary>Some writers keep the mark that EXIF has in a JPEG.</summary>
    private static Orientation OrientationOf(ReadOnlySpan<byte> exif)
    {
        var tiff = exif.StartsWith("Exif\0\0"u8) ? exif[6..] : exif;
        return Orientation.OfTag(TiffDirectory.Read(tiff)?.Number(tiff, OrientationTag, missing: 1) ?? 1);
    }

    private static string Printable(ReadOnlySpan<byte> type) =>
        type.IndexOfAnyExceptInRange((byte)'A', (byte)'z') < 0 ? Encoding.ASCII.GetString(type) : Convert.ToHexString(type);
}
