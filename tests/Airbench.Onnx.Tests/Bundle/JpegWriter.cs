using System.Buffers.Binary;

namespace Airbench.Tests;

/// <summary>
/// Writes JPEG files of every kind that encoders rarely offer: any sampling, CMYK, progressive, one scan for each component. Its Huffman codes all have
/// the same length, so the files are large and the code is short.
/// </summary>
internal sealed record JpegWriter(int Width, int Height)
{
    private static readonly byte[] Zigzag =
    [
        0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
        35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
    ];

    /// <summary>Sampling factors of each component, for example (2, 2), (1, 1), (1, 1) for 4:2:0.</summary>
    public (int Across, int Down)[] Sampling { get; init; } = [(1, 1), (1, 1), (1, 1)];

    public bool IsProgressive { get; init; }

    /// <summary>A scan for each component instead of one for all.</summary>
    public bool IsSeparate { get; init; }

    /// <summary>The colour transform of an Adobe marker: 0 none, 1 YCbCr, 2 YCCK; null without that marker.</summary>
    public byte? Adobe { get; init; }

    /// <summary>Minimum coded units between two restart markers; 0 is none.</summary>
    public int Restart { get; init; }

    /// <summary>Bytes of the file.</summary>
    /// <param name="sample">What component c holds at a point of the image, 0 to 255.</param>
    public byte[] Write(Func<int, int, int, double> sample)
    {
        var file = new List<byte> { 0xFF, 0xD8 };
        if (Adobe is { } transform)
        {
            Segment(file, 0xEE, [.. "Adobe"u8, 0, 100, 0, 0, 0, 0, transform]);
        }
        Segment(file, 0xDB, [0, .. Enumerable.Repeat((byte)2, 64)]);
        Segment(file, IsProgressive ? (byte)0xC2 : (byte)0xC0,
        [
            8, .. BigEndian(Height), .. BigEndian(Width), (byte)Sampling.Length,
            .. Sampling.SelectMany((s, c) => (byte[])[(byte)(c + 1), (byte)((s.Across << 4) | s.Down), 0]),
        ]);
        Segment(file, 0xC4, [0x00, .. Counts(4, 12), .. Enumerable.Range(0, 12).Select(k => (byte)k)]);
        Segment(file, 0xC4, [0x10, .. Counts(8, 255), .. Enumerable.Range(0, 255).Select(k => (byte)k)]);
        if (Restart > 0)
        {
            Segment(file, 0xDD, BigEndian(Restart));
        }
        var planes = Sampling.Select((_, c) => Blocks(c, sample)).ToArray();
        int[] all = [.. Enumerable.Range(0, Sampling.Length)];
        foreach (var components in IsSeparate ? all.Select(c => (int[])[c]) : [all])
        {
            Scan(file, components, planes, 0, IsProgressive ? 0 : 63);
        }
        foreach (var c in IsProgressive ? all : [])
        {
            Scan(file, [c], planes, 1, 63);
        }
        return [.. file, 0xFF, 0xD9];
    }

    private int Most(Func<(int Across, int Down), int> factor) => Sampling.Max(factor);

    /// <summary>Quantized coefficients in zigzag order of every block, by row of blocks; to whole minimum coded units.</summary>
    private short[][][] Blocks(int c, Func<int, int, int, double> sample)
    {
        var (across, down) = (Most(s => s.Across), Most(s => s.Down));
        var (columns, rows) = (Units(Width, 8 * across) * Sampling[c].Across, Units(Height, 8 * down) * Sampling[c].Down);
        var (stepX, stepY) = ((double)across / Sampling[c].Across, (double)down / Sampling[c].Down);
        return [.. Enumerable.Range(0, rows).Select(row => Enumerable.Range(0, columns).Select(column =>
        {
            var values = new double[64];
            for (var i = 0; i < 64; i++)
            {
                var (x, y) = ((((8 * column) + (i % 8) + 0.5) * stepX) - 0.5, (((8 * row) + (i / 8) + 0.5) * stepY) - 0.5);
                values[i] = sample(c, Math.Min(Width - 1, (int)Math.Round(x)), Math.Min(Height - 1, (int)Math.Round(y))) - 128;
            }
            return Transform(values);
        }).ToArray())];
    }

    private static short[] Transform(double[] values)
    {
        var coefficients = new short[64];
        for (var k = 0; k < 64; k++)
        {
            var (u, v) = (Zigzag[k] % 8, Zigzag[k] / 8);
            var sum = 0.0;
            for (var i = 0; i < 64; i++)
            {
                sum += values[i] * Math.Cos(((2 * (i % 8)) + 1) * u * Math.PI / 16) * Math.Cos(((2 * (i / 8)) + 1) * v * Math.PI / 16);
            }
            coefficients[k] = (short)Math.Round(sum * (u == 0 ? Math.Sqrt(0.5) : 1) * (v == 0 ? Math.Sqrt(0.5) : 1) / 8);   // quantized by 2
        }
        return coefficients;
    }

    private void Scan(List<byte> file, int[] components, short[][][][] planes, int first, int last)
    {
        Segment(file, 0xDA, [(byte)components.Length, .. components.SelectMany(c => (byte[])[(byte)(c + 1), 0x00]), (byte)first, (byte)last, 0]);
        var bits = new Bits(file);
        var before = new int[planes.Length];
        var isAlone = components.Length == 1;
        var (columns, rows) = isAlone
            ? (Units(Size(Width, components[0], s => s.Across), 8), Units(Size(Height, components[0], s => s.Down), 8))
            : (Units(Width, 8 * Most(s => s.Across)), Units(Height, 8 * Most(s => s.Down)));
        for (var unit = 0; unit < columns * rows; unit++)
        {
            if (Restart > 0 && unit > 0 && unit % Restart == 0)
            {
                bits.Flush();
                file.AddRange([0xFF, (byte)(0xD0 + (((unit / Restart) - 1) % 8))]);
                Array.Clear(before);
            }
            foreach (var c in components)
            {
                var (across, down) = isAlone ? (1, 1) : Sampling[c];
                for (var i = 0; i < across * down; i++)
                {
                    var block = planes[c][(unit / columns * down) + (i / across)][(unit % columns * across) + (i % across)];
                    Block(bits, block, first, last, ref before[c]);
                }
            }
        }
        bits.Flush();
    }

    private static void Block(Bits bits, short[] block, int first, int last, ref int before)
    {
        if (first == 0)
        {
            Value(bits, 0, 4, block[0] - before);
            before = block[0];
        }
        var zeros = 0;
        for (var k = Math.Max(1, first); k <= last; k++)
        {
            if (block[k] == 0)
            {
                zeros++;
                continue;
            }
            for (; zeros > 15; zeros -= 16)
            {
                bits.Write(0xF0, 8);
            }
            Value(bits, zeros << 4, 8, block[k]);
            zeros = 0;
        }
        if (zeros > 0)
        {
            bits.Write(0, 8);   // the rest is zero
        }
    }

    /// <summary>A symbol, whose code is itself, with the length of a value; then the value.</summary>
    private static void Value(Bits bits, int symbol, int codeLength, int value)
    {
        var length = 32 - int.LeadingZeroCount(Math.Abs(value));
        bits.Write(symbol | length, codeLength);
        bits.Write(value < 0 ? value + (1 << length) - 1 : value, length);
    }

    private int Size(int whole, int c, Func<(int Across, int Down), int> factor) => Units(whole * factor(Sampling[c]), Most(factor));

    private static int Units(int length, int unit) => (length + unit - 1) / unit;

    private static byte[] Counts(int length, int count) => [.. Enumerable.Range(1, 16).Select(l => (byte)(l == length ? count : 0))];

    private static byte[] BigEndian(int number)
    {
        var bytes = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)number);
        return bytes;
    }

    private static void Segment(List<byte> file, byte marker, byte[] data) => file.AddRange([0xFF, marker, .. BigEndian(data.Length + 2), .. data]);

    private sealed class Bits(List<byte> file)
    {
        private int _held;
        private int _count;

        public void Write(int value, int count)
        {
            for (var i = count - 1; i >= 0; i--)
            {
                _held = (_held << 1) | ((value >> i) & 1);
                if (++_count == 8)
                {
                    file.AddRange(_held == 0xFF ? [0xFF, 0] : [(byte)_held]);
                    (_held, _count) = (0, 0);
                }
            }
        }

        public void Flush()
        {
            if (_count > 0)
            {
                Write(0xFF, 8 - _count);
            }
        }
    }
}
