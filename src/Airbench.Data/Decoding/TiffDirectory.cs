using System.Buffers.Binary;

namespace Airbench.Data;

/// <summary>
/// The first directory of a TIFF structure: of a TIFF file, or of the EXIF block in another one. Every value lies within the bytes given;
/// entries whose values do not are passed over and counted.
/// </summary>
internal sealed class TiffDirectory
{
    private readonly Dictionary<int, (int Type, long Count, long Offset)> _entries = [];
    private readonly bool _bigEndian;

    private TiffDirectory(bool bigEndian) => _bigEndian = bigEndian;

    /// <summary>Whether the directory itself, or the values of an entry, lie beyond the end of the bytes.</summary>
    public bool EndsTooEarly { get; private set; }

    /// <summary>Reads the directory; null where the bytes do not begin as a TIFF structure does. BigTIFF is none.</summary>
    public static TiffDirectory? Read(ReadOnlySpan<byte> bytes)
    {
        var bigEndian = bytes.StartsWith("MM\0*"u8);
        if ((!bigEndian && !bytes.StartsWith("II*\0"u8)) || bytes.Length < 8)
        {
            return null;
        }
        var directory = new TiffDirectory(bigEndian);
        var at = directory.UInt32(bytes, 4);
        if (at + 2 > bytes.Length)
        {
            directory.EndsTooEarly = true;
            return directory;
        }
        var count = directory.UInt16(bytes, at);
        at += 2;
        for (var i = 0; i < count; i++, at += 12)
        {
            if (at + 12 > bytes.Length)
            {
                directory.EndsTooEarly = true;
                break;
            }
            var (tag, type, values) = (directory.UInt16(bytes, at), directory.UInt16(bytes, at + 2), directory.UInt32(bytes, at + 4));
            var size = values * SizeOf(type);
            var offset = size <= 4 ? at + 8 : directory.UInt32(bytes, at + 8);
            if (offset + size > bytes.Length)
            {
                directory.EndsTooEarly = true;
                continue;
            }
            directory._entries.TryAdd(tag, (type, values, offset));
        }
        return directory;
    }

    /// <summary>Whether the directory has the tag.</summary>
    public bool Has(int tag) => _entries.ContainsKey(tag);

    /// <summary>Number of values of a tag; 0 where it is missing.</summary>
    public long CountOf(int tag) => _entries.TryGetValue(tag, out var entry) ? entry.Count : 0;

    /// <summary>One value of a tag of whole numbers; <paramref name="missing"/> where there is none.</summary>
    /// <param name="bytes">Those that the directory was read from.</param>
    /// <param name="tag">The tag.</param>
    /// <param name="missing">The tag's default.</param>
    /// <param name="index">Which of the values.</param>
    public long Number(ReadOnlySpan<byte> bytes, int tag, long missing, long index = 0) =>
        !_entries.TryGetValue(tag, out var entry) || index >= entry.Count ? missing
        : entry.Type switch
        {
            1 => bytes[(int)(entry.Offset + index)],
            3 => UInt16(bytes, entry.Offset + (2 * index)),
            4 => UInt32(bytes, entry.Offset + (4 * index)),
            _ => missing,
        };

    /// <summary>Bytes of one value: BYTE, ASCII, SHORT, LONG, RATIONAL and so on; an unknown type is taken for bytes.</summary>
    private static long SizeOf(int type) => type switch
    {
        3 or 8 => 2,
        4 or 9 or 11 or 13 => 4,
        5 or 10 or 12 => 8,
        _ => 1,
    };

    private int UInt16(ReadOnlySpan<byte> bytes, long at) => bytes.Slice((int)at, 2) is var two && _bigEndian
        ? BinaryPrimitives.ReadUInt16BigEndian(two)
        : BinaryPrimitives.ReadUInt16LittleEndian(two);

    private long UInt32(ReadOnlySpan<byte> bytes, long at) => bytes.Slice((int)at, 4) is var four && _bigEndian
        ? BinaryPrimitives.ReadUInt32BigEndian(four)
        : BinaryPrimitives.ReadUInt32LittleEndian(four);
}
