using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;

namespace Airbench;

/// <summary>Writes 8-bit RGB as PNG (ISO/IEC 15948), so that a bundle or a report carries images that decode to the very pixels of the data.</summary>
public static class Png
{
    /// <summary>The file of an image.</summary>
    /// <param name="planarRgb">uint8 [3,size,size].</param>
    /// <param name="size">Height and width, pixels.</param>
    public static byte[] Encode(ReadOnlySpan<byte> planarRgb, int size)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(planarRgb.Length, 3 * size * size);
        using var file = new MemoryStream();
        file.Write([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]);

        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, size);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], size);
        (header[8], header[9]) = (8, 2);   // 8 bits, RGB; deflate, no filter method but the standard one, not interlaced
        Chunk(file, "IHDR"u8, header);
        Chunk(file, "IDAT"u8, Compress(planarRgb, size));
        Chunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    private static byte[] Compress(ReadOnlySpan<byte> planarRgb, int size)
    {
        using var data = new MemoryStream();
        using (var zlib = new ZLibStream(data, CompressionLevel.SmallestSize))
        {
            var line = new byte[1 + (3 * size)];   // a filter byte, 0 for none, then the pixels
            for (var y = 0; y < size; y++)
            {
                for (var i = 0; i < 3 * size; i++)
                {
                    line[1 + i] = planarRgb[(i % 3 * size * size) + (y * size) + (i / 3)];
                }
                zlib.Write(line);
            }
        }
        return data.ToArray();
    }

    private static void Chunk(Stream file, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        file.Write(type);
        file.Write(data);
        var checksum = new Crc32();
        checksum.Append(type);
        checksum.Append(data);
        BinaryPrimitives.WriteUInt32BigEndian(number, checksum.GetCurrentHashAsUInt32());
        file.Write(number);
    }
}
