using System.Buffers.Binary;
using System.Globalization;

namespace Airbench.Data;

/// <summary>Names what an entry of a .zip is compressed by, which the framework tells for the methods alone that it knows.</summary>
internal static class ZipMethods
{
    private const int EndBytes = 22;
    private const int EntryBytes = 46;

    /// <summary>The method of entry <paramref name="index"/> of the directory, for people: "zstd", "method 123"; "an unknown method" where it is not found.</summary>
    public static string NameOf(string archive, int index)
    {
        try
        {
            using var file = File.OpenRead(archive);
            return Method(file, index) is { } method ? Name(method) : "an unknown method";
        }
        catch (Exception e) when (e is IOException or ArgumentException)
        {
            return "an unknown method";   // the error that asks is the one that counts
        }
    }

    private static string Name(int method) => method switch
    {
        1 => "Shrink",
        2 or 3 or 4 or 5 => "Reduce",
        6 => "Implode",
        9 => "Deflate64",
        12 => "BZip2",
        14 => "LZMA",
        20 or 93 => "zstd",
        94 => "MP3",
        95 => "XZ",
        96 => "a JPEG variant",
        97 => "WavPack",
        98 => "PPMd",
        99 => "AES encryption",
        _ => string.Create(CultureInfo.InvariantCulture, $"method {method}"),
    };

    /// <summary>Walks the central directory (APPNOTE.TXT 4.3.12); its start is behind the end record, or in the 64-bit one that stands before it.</summary>
    private static int? Method(FileStream file, int index)
    {
        var tail = new byte[(int)Math.Min(file.Length, EndBytes + ushort.MaxValue + 76)];
        file.Seek(-tail.Length, SeekOrigin.End);
        file.ReadExactly(tail);
        var end = tail.AsSpan().LastIndexOf("PK\x05\x06"u8);
        if (end < 0 || end + EndBytes > tail.Length)
        {
            return null;
        }
        long start = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(end + 16));
        if (start == uint.MaxValue)
        {
            var wide = tail.AsSpan(0, end).LastIndexOf("PK\x06\x06"u8);
            if (wide < 0 || wide + 56 > tail.Length)
            {
                return null;
            }
            start = BinaryPrimitives.ReadInt64LittleEndian(tail.AsSpan(wide + 48));
        }
        file.Position = start;
        var entry = new byte[EntryBytes];
        for (var i = 0; ; i++)
        {
            file.ReadExactly(entry);
            if (!entry.AsSpan().StartsWith("PK\x01\x02"u8))
            {
                return null;
            }
            if (i == index)
            {
                return BinaryPrimitives.ReadUInt16LittleEndian(entry.AsSpan(10));
            }
            file.Position += BinaryPrimitives.ReadUInt16LittleEndian(entry.AsSpan(28)) + BinaryPrimitives.ReadUInt16LittleEndian(entry.AsSpan(30))
                + BinaryPrimitives.ReadUInt16LittleEndian(entry.AsSpan(32));
        }
    }
}
