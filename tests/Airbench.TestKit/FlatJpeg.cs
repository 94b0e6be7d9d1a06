using System.Buffers.Binary;

namespace Airbench.Tests;

/// <summary>
/// Writes JPEG files of any sampling, number of components and order of scans, whose blocks are flat: their mean is coded, and nothing else.
/// </summary>
internal static class FlatJpeg
{
    private const int BlockSize = 8, DcCodeBits = 4, DcCategories = 12;

    public enum Coding : byte { Baseline = 0xC0, Progressive = 0xC2 }

    /// <summary>One component: its id, its sampling factors, and its value at a pixel of the image.</summary>
    public sealed record Component(byte Id, int Horizontal, int Vertical, Func<int, int, double> Value);

    /// <summary>An APP14 segment of Adobe: transform 0 says RGB or CMYK, 1 YCbCr, 2 YCCK.</summary>
    public static byte[] Adobe(byte transform) => [0xFF, 0xEE, 0, 14, .. "Adobe"u8, 0, 100, 0, 0, 0, 0, transform];

    /// <summary>Y, Cb and Cr of an RGB picture; the luma has the sampling factors given, the chroma has 1 x 1.</summary>
    public static Component[] Ycc(Func<int, int, (byte R, byte G, byte B)> pixel, int horizontal, int vertical) =>
    [
        new(1, horizontal, vertical, (x, y) => pixel(x, y) is var (r, g, b) ? (0.299 * r) + (0.587 * g) + (0.114 * b) : 0),
        new(2, 1, 1, (x, y) => pixel(x, y) is var (r, g, b) ? 128 - (0.168736 * r) - (0.331264 * g) + (0.5 * b) : 0),
        new(3, 1, 1, (x, y) => pixel(x, y) is var (r, g, b) ? 128 + (0.5 * r) - (0.418688 * g) - (0.081312 * b) : 0),
    ];

    /// <summary>A file.</summary>
    /// <param name="width">Pixels, a multiple of 8 times the largest horizontal factor.</param>
    /// <param name="height">Pixels, a multiple of 8 times the largest vertical factor.</param>
    /// <param name="components">What it holds.</param>
    /// <param name="coding">Baseline, or progressive: the means in one scan, then nothing more in one scan for each component.</param>
    /// <param name="separateScans">Whether each component has a scan of its own.</param>
    /// <param name="segments">Further segments, whole, for behind the first marker.</param>
    public static byte[] Write(
        int width, int height, Component[] components, Coding coding = Coding.Baseline, bool separateScans = false, params byte[][] segments)
    {
        var (across, down) = (components.Max(c => c.Horizontal), components.Max(c => c.Vertical));
        var (columns, rows) = (width / (BlockSize * across), height / (BlockSize * down));
        List<byte> file = [0xFF, 0xD8, .. segments.SelectMany(s => s)];
        file.AddRange([0xFF, 0xDB, 0, 67, 0, .. Enumerable.Repeat((byte)BlockSize, 64)]);   // a step of 8 makes a mean a whole number
        file.AddRange([0xFF, (byte)coding, 0, (byte)(8 + (3 * components.Length)), 8, .. BigEndian(height), .. BigEndian(width), (byte)components.Length]);
        file.AddRange(components.SelectMany(c => new[] { c.Id, (byte)((c.Horizontal << 4) | c.Vertical), (byte)0 }));
        // Table of means: 12 categories, 4 bits each. Table of the rest: one code, 0, for the end of a block.
        file.AddRange([0xFF, 0xC4, 0, 19 + DcCategories, 0x00, 0, 0, 0, DcCategories, .. new byte[12], .. Enumerable.Range(0, DcCategories).Select(i => (byte)i)]);
        file.AddRange([0xFF, 0xC4, 0, 20, 0x10, 1, .. new byte[15], 0]);

        var isProgressive = coding == Coding.Progressive;
        foreach (var scan in separateScans ? components.Select(c => new[] { c }) : [components])
        {
            StartScan(file, scan, 0, isProgressive ? (byte)0 : (byte)63);
            var bits = new BitWriter(file);
            var previous = new int[scan.Length];
            for (var mcu = 0; mcu < columns * rows; mcu++)
            {
                foreach (var (i, c) in scan.Index())
                {
                    for (var block = 0; block < c.Horizontal * c.Vertical; block++)
                    {
                        // A scan of one component goes through its blocks in rows, one of several through groups of them.
                        var (x, y) = scan.Length == 1
                            ? (((mcu * c.Horizontal * c.Vertical) + block) % (columns * c.Horizontal), ((mcu * c.Horizontal * c.Vertical) + block) / (columns * c.Horizontal))
                            : ((mcu % columns * c.Horizontal) + (block % c.Horizontal), (mcu / columns * c.Vertical) + (block / c.Horizontal));
                        var (stepX, stepY) = (BlockSize * across / c.Horizontal, BlockSize * down / c.Vertical);
                        var mean = (int)Math.Round(c.Value((x * stepX) + (stepX / 2), (y * stepY) + (stepY / 2))) - 128;
                        bits.Difference(mean - previous[i]);
                        previous[i] = mean;
                        if (!isProgressive)
                        {
                            bits.Write(0, 1);
                        }
                    }
                }
            }
            bits.End();
        }
        foreach (var c in isProgressive ? components : [])
        {
            StartScan(file, [c], 1, 63);
            var bits = new BitWriter(file);
            for (var block = 0; block < columns * rows * c.Horizontal * c.Vertical; block++)
            {
                bits.Write(0, 1);
            }
            bits.End();
        }
        return [.. file, 0xFF, 0xD9];
    }

    private static void StartScan(List<byte> file, Component[] scan, byte first, byte last) => file.AddRange(
        [0xFF, 0xDA, 0, (byte)(6 + (2 * scan.Length)), (byte)scan.Length, .. scan.SelectMany(c => new byte[] { c.Id, 0 }), first, last, 0]);

    private static byte[] BigEndian(int value)
    {
        var bytes = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)value);
        return bytes;
    }

    private sealed class BitWriter(List<byte> file)
    {
        private int _bits, _count;

        public void Difference(int value)
        {
            var category = 0;
            while (Math.Abs(value) >> category > 0)
            {
                category++;
            }
            Write(category, DcCodeBits);
            Write(value < 0 ? value + (1 << category) - 1 : value, category);
        }

        public void Write(int value, int count)
        {
            for (var i = count - 1; i >= 0; i--)
            {
                _bits = (_bits << 1) | ((value >> i) & 1);
                if (++_count == 8)
                {
                    file.Add((byte)_bits);
                    if (_bits == 0xFF)
                    {
                        file.Add(0);
                    }
                    (_bits, _count) = (0, 0);
                }
            }
        }

        public void End() => Write(0x7F, (8 - _count) % 8);
    }
}
