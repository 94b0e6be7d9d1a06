using System.Buffers.Binary;
using System.IO.Compression;
using SkiaSharp;

namespace Airbench.Tests;

/// <summary>Makes image files whose pixels are known.</summary>
internal static class TestImages
{
    /// <summary>PNG colour types.</summary>
    public enum PngColour : byte { Grey = 0, Rgb = 2, Palette = 3, GreyAlpha = 4, Rgba = 6 }

    /// <summary>A planar RGB image [3, h, w] of pseudo-random smooth noise, different for each seed.</summary>
    public static byte[] Planar(int seed, int width = 32, int height = 32)
    {
        var pixels = new byte[3 * width * height];
        new Random(seed).NextBytes(pixels);
        return pixels;
    }

    /// <summary>A lossless file of planar RGB pixels.</summary>
    public static byte[] Png(ReadOnlySpan<byte> planarRgb, int width = 32, int height = 32)
    {
        var rows = new byte[height][];
        for (var y = 0; y < height; y++)
        {
            rows[y] = new byte[3 * width];
            for (var i = 0; i < 3 * width; i++)
            {
                rows[y][i] = planarRgb[(i % 3 * width * height) + (y * width) + (i / 3)];
            }
        }
        return Png(PngColour.Rgb, 8, width, height, rows);
    }

    /// <summary>A lossless 32 x 32 file that differs for each seed.</summary>
    public static byte[] Png(int seed) => Png(Planar(seed));

    /// <summary>A PNG of any kind from its raw rows.</summary>
    public static byte[] Png(PngColour colour, byte bits, int width, int height, byte[][] rows, params (string Type, byte[] Data)[] extra) =>
        Png(colour, bits, width, height, rows, interlaced: false, extra);

    /// <summary>A PNG whose rows are those of all passes, one pass after the other, where it is interlaced.</summary>
    public static byte[] Png(
        PngColour colour, byte bits, int width, int height, byte[][] rows, bool interlaced, params (string Type, byte[] Data)[] extra)
    {
        using var file = new MemoryStream();
        file.Write([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        header[8] = bits;
        header[9] = (byte)colour;
        header[12] = interlaced ? (byte)1 : (byte)0;
        Chunk(file, "IHDR", header);
        foreach (var (type, data) in extra)
        {
            Chunk(file, type, data);
        }
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            foreach (var row in rows)
            {
                zlib.WriteByte(0);   // no filter
                zlib.Write(row);
            }
        }
        Chunk(file, "IDAT", packed.ToArray());
        Chunk(file, "IEND", []);
        return file.ToArray();
    }

    /// <summary>A JPEG of planar RGB pixels.</summary>
    public static byte[] Jpeg(ReadOnlySpan<byte> planarRgb, int width, int height, int quality = 95)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        var pixels = bitmap.GetPixelSpan();
        for (var i = 0; i < width * height; i++)
        {
            for (var c = 0; c < 3; c++)
            {
                pixels[(4 * i) + c] = planarRgb[(c * width * height) + i];
            }
            pixels[(4 * i) + 3] = 255;
        }
        using var data = bitmap.Encode(SKEncodedImageFormat.Jpeg, quality);
        return data.ToArray();
    }

    /// <summary>The same JPEG with an EXIF orientation, 1 to 8.</summary>
    public static byte[] WithOrientation(byte[] jpeg, byte orientation)
    {
        byte[] exif =
        [
            0xFF, 0xE1, 0, 34, (byte)'E', (byte)'x', (byte)'i', (byte)'f', 0, 0,
            (byte)'M', (byte)'M', 0, 42, 0, 0, 0, 8,     // big-endian TIFF, directory at 8
            0, 1,                                        // one entry:
            0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0,
            0, 0, 0, 0,                                  // no further directory
        ];
        return [.. jpeg[..2], .. exif, .. jpeg[2..]];
    }

    /// <summary>Planar RGB [3, h, w] of a smooth picture, which survives JPEG and resizing nearly unchanged.</summary>
    public static byte[] Smooth(int width, int height)
    {
        var pixels = new byte[3 * width * height];
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var at = (y * width) + x;
                pixels[at] = (byte)(40 + (170 * x / width));
                pixels[(width * height) + at] = (byte)(40 + (170 * y / height));
                pixels[(2 * width * height) + at] = (byte)(40 + (85 * (x + y) / (width + height)));
            }
        }
        return pixels;
    }

    private static void Chunk(Stream file, string type, byte[] data)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        byte[] body = [.. System.Text.Encoding.ASCII.GetBytes(type), .. data];
        file.Write(body);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc(body));
        file.Write(number);
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var k = 0; k < 8; k++)
            {
                crc = (crc >> 1) ^ (0xEDB88320 & (uint)-(crc & 1));
            }
        }
        return ~crc;
    }
}
