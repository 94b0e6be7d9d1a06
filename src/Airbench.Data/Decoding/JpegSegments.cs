using System.Buffers.Binary;

namespace Airbench.Data;

/// <summary>
/// What the segments of a JPEG say that the codec does not: which kind it is, how much memory it takes, and whether the file goes on to its end.
/// </summary>
/// <remarks>
/// The codec draws a progressive JPEG from whatever scans there are, and refuses a sequential one for its last two bytes.
/// </remarks>
internal sealed class JpegSegments
{
    private const byte Restart0 = 0xD0, Restart7 = 0xD7, StartOfImage = 0xD8, EndOfImage = 0xD9, StartOfScan = 0xDA, Temporary = 0x01;
    private const int Coefficients = 64, Missing = -1;
    private long _allCoefficients;
    private readonly Dictionary<byte, int[]> _precision = [];   // of each component's coefficients: bits still to come

    private JpegSegments()
    {
    }

    /// <summary>Whether the mark of the end is there. Bytes behind it do not matter.</summary>
    public bool HasEnd { get; private set; }

    /// <summary>Bytes that a decoder keeps for all coefficients; 0 where it needs only one row of blocks at a time.</summary>
    public long CoefficientBytes { get; private set; }

    /// <summary>Whether the scans up to here bring every coefficient of every component in full.</summary>
    public bool HasAllScans => _precision.Count > 0 && _precision.Values.All(bits => bits.All(left => left == 0));

    /// <summary>Goes through the segments of a file, leniently: what is damaged is for the codec to say.</summary>
    /// <exception cref="DataException">Of a kind that is not read, or it ends within its headers.</exception>
    public static JpegSegments Read(ReadOnlySpan<byte> file)
    {
        var segments = new JpegSegments();
        var (at, scans, isProgressive) = (2, 0, false);
        while (true)
        {
            var skipped = file[Math.Min(at, file.Length)..].IndexOf((byte)0xFF);
            if (skipped < 0 || at + skipped + 1 >= file.Length)
            {
                return scans > 0 ? segments : throw EndsTooEarly();
            }
            at += skipped + 1;
            var marker = file[at];
            if (marker is 0x00 or 0xFF or Temporary or StartOfImage or (>= Restart0 and <= Restart7))
            {
                at += marker == 0xFF ? 0 : 1;   // a byte of coded data, a fill byte, or a marker without a segment
                continue;
            }
            if (marker == EndOfImage)
            {
                segments.HasEnd = true;
                return segments;
            }
            var segment = file[(at + 1)..];
            if (segment.Length < 2 || BinaryPrimitives.ReadUInt16BigEndian(segment) is var length && length > segment.Length)
            {
                throw EndsTooEarly();
            }
            if (length >= 2)
            {
                segment = segment[2..length];
                if (IsFrame(marker))
                {
                    isProgressive = marker is 0xC2 or 0xCA;
                    segments.Frame(marker, segment);
                }
                else if (marker == StartOfScan)
                {
                    scans++;
                    segments.Scan(segment, isProgressive);
                }
            }
            at += 1 + length;
        }
    }

    /// <summary>SOF0 to SOF15 and SOF55 of JPEG-LS, without the tables that have codes among them.</summary>
    private static bool IsFrame(byte marker) => marker is (>= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC)) or 0xF7;

    private void Frame(byte marker, ReadOnlySpan<byte> segment)
    {
        var kind = marker switch
        {
            0xF7 => "JPEG-LS",
            0xC3 or 0xCB => "lossless JPEG",
            0xC5 or 0xC6 or 0xC7 or 0xCD or 0xCE or 0xCF => "hierarchical JPEG",
            _ when segment.Length > 0 && segment[0] != 8 => $"{segment[0]}-bit JPEG",
            _ => null,
        };
        if (kind is not null)
        {
            throw new DataException($"is a {kind} file, which is not read: convert it to a JPEG of 8 bits or to PNG");
        }
        if (segment.Length < 6 || segment.Length < 6 + (3 * segment[5]))
        {
            return;
        }
        var components = segment.Slice(6, 3 * segment[5]);
        var (blocks, across, down) = (0, 1, 1);
        for (var i = 0; i < components.Length; i += 3)
        {
            var (horizontal, vertical) = (components[i + 1] >> 4, components[i + 1] & 15);
            (blocks, across, down) = (blocks + (horizontal * vertical), Math.Max(across, horizontal), Math.Max(down, vertical));
            _precision[components[i]] = NoneYet();
        }
        var pixels = (long)BinaryPrimitives.ReadUInt16BigEndian(segment[1..]) * BinaryPrimitives.ReadUInt16BigEndian(segment[3..]);
        _allCoefficients = sizeof(short) * pixels * blocks / Math.Max(1, across * down);
    }

    private void Scan(ReadOnlySpan<byte> segment, bool isProgressive)
    {
        var count = segment.IsEmpty ? 0 : segment[0];
        if (segment.Length < 4 + (2 * count))
        {
            return;
        }
        var (first, last, left) = isProgressive
            ? (segment[1 + (2 * count)], Math.Min((int)segment[2 + (2 * count)], Coefficients - 1), segment[3 + (2 * count)] & 15)
            : (0, Coefficients - 1, 0);   // a sequential scan brings all, whatever it says
        if (isProgressive || count < _precision.Count)
        {
            CoefficientBytes = _allCoefficients;
        }
        for (var i = 0; i < count; i++)
        {
            if (_precision.TryGetValue(segment[1 + (2 * i)], out var bits) && first <= last)
            {
                bits.AsSpan(first..(last + 1)).Fill(left);
            }
        }
    }

    private static int[] NoneYet()
    {
        var bits = new int[Coefficients];
        bits.AsSpan().Fill(Missing);
        return bits;
    }

    private static DataException EndsTooEarly() => new("is a JPEG file that ends too early");
}
