using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace Airbench.Data;

/// <summary>What the codec does not look at in a PNG: the orientation, and the checksums behind the pixels.</summary>
internal static class PngChunks
{
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
                orientation ??= Exif.OrientationOf(rest.Slice(8, (int)length));
            }
            if (type.SequenceEqual("IEND"u8))
            {
                break;
            }
            rest = rest[(12 + (int)length)..];
        }
        return orientation ?? default;
    }

    private static string Printable(ReadOnlySpan<byte> type) =>
        type.IndexOfAnyExceptInRange((byte)'A', (byte)'z') < 0 ? Encoding.ASCII.GetString(type) : Convert.ToHexString(type);
}
