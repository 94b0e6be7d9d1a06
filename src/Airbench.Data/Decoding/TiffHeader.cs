using System.Globalization;

namespace Airbench.Data;

/// <summary>What the first page of a TIFF declares, checked before a decoder sees it: whatever is allocated later follows from these numbers.</summary>
/// <param name="Width">Pixels, as stored.</param>
/// <param name="Height">Pixels, as stored.</param>
/// <param name="Orientation">How it is turned.</param>
/// <param name="Memory">Bytes that decoding takes at most.</param>
internal sealed record TiffHeader(int Width, int Height, Orientation Orientation, long Memory)
{
    private const int MaxSamples = 16;

    /// <summary>No compression of pixels that are not all alike comes near it; deflate cannot reach more than 1032.</summary>
    private const long MaxCompression = 4096;

    private enum Tag
    {
        NewSubfileType = 254, SubfileType = 255, ImageWidth = 256, ImageLength = 257, BitsPerSample = 258, Compression = 259, Photometric = 262,
        StripOffsets = 273, Orientation = 274, SamplesPerPixel = 277, RowsPerStrip = 278, StripByteCounts = 279, PlanarConfig = 284,
        TileWidth = 322, TileLength = 323, TileOffsets = 324, TileByteCounts = 325, SampleFormat = 339, DngVersion = 50706,
    }

    /// <summary>Reads and checks the first directory of a file.</summary>
    /// <exception cref="DataException">Cut off, damaged, or of a kind that is not read; the message says which.</exception>
    public static TiffHeader Read(ReadOnlySpan<byte> file)
    {
        var directory = TiffDirectory.Read(file) ?? throw new DataException("is a BigTIFF file or one that is cut off, which is not read: convert it to TIFF or PNG");
        if (directory.EndsTooEarly)
        {
            throw EndsTooEarly();
        }
        if (directory.Has((int)Tag.DngVersion) || (Number(file, directory, Tag.NewSubfileType, 0) & 1) == 1 || Number(file, directory, Tag.SubfileType, 1) == 2)
        {
            throw new DataException("is a raw photo, or a TIFF whose first page is only a preview, which is not read: convert it to JPEG or PNG");
        }
        var (width, height) = (Number(file, directory, Tag.ImageWidth, 0), Number(file, directory, Tag.ImageLength, 0));
        ImageDecoder.RequireSize(width, height);
        var samples = Number(file, directory, Tag.SamplesPerPixel, 1);
        var bits = Number(file, directory, Tag.BitsPerSample, 1);
        RequireKind(file, directory, samples, bits);

        var pieces = Pieces.Of(file, directory, width, height, samples);
        var rawBytes = pieces.Pixels * samples * bits / 8;
        if (pieces.Pixels > 2 * ImageDecoder.MaxPixels || rawBytes / MaxCompression > file.Length)
        {
            throw new DataException($"is a TIFF file that is damaged: it declares {rawBytes:N0} bytes of pixels, which {file.Length:N0} bytes cannot hold");
        }
        pieces.RequireWithin(file, directory);
        var orientation = Orientation.OfTag(Number(file, directory, Tag.Orientation, 1));
        return new TiffHeader((int)width, (int)height, orientation, (4 * width * height) + rawBytes);
    }

    private static void RequireKind(ReadOnlySpan<byte> file, TiffDirectory directory, long samples, long bits)
    {
        var compression = Number(file, directory, Tag.Compression, 1);
        if (compression is not ((>= 1 and <= 8) or 32946 or 32773))
        {
            throw NotRead("compressed by " + compression switch
            {
                34661 => "JBIG",
                33003 or 33004 or 33005 or 34712 => "JPEG 2000",
                34887 => "LERC",
                34925 => "LZMA",
                50000 => "Zstandard",
                50001 => "WebP",
                50002 => "JPEG XL",
                _ => "method " + compression.ToString(CultureInfo.InvariantCulture),
            });
        }
        var photometric = Number(file, directory, Tag.Photometric, 1);
        if (photometric is not (>= 0 and <= 3 or 5 or 6))
        {
            throw NotRead($"in colour space {photometric}");   // transparency masks, Lab, LogLuv, the mosaics of cameras
        }
        for (var i = 0; i < Math.Min(samples, directory.CountOf((int)Tag.BitsPerSample)); i++)
        {
            if (Number(file, directory, Tag.BitsPerSample, 1, i) != bits)
            {
                throw NotRead("with samples of different sizes");
            }
        }
        if (bits > 8 && photometric is not (0 or 1 or 2))
        {
            throw NotRead($"of {bits} bits in another colour space than grey or RGB");
        }
        if (samples is < 1 or > MaxSamples || bits is not (1 or 2 or 4 or 8 or 16))
        {
            throw NotRead($"of {samples} x {bits} bits");
        }
        if (Number(file, directory, Tag.SampleFormat, 1) is not (1 or 4))
        {
            throw NotRead("of signed or floating-point numbers");
        }
    }

    private static long Number(ReadOnlySpan<byte> file, TiffDirectory directory, Tag tag, long missing, long index = 0) =>
        directory.Number(file, (int)tag, missing, index);

    private static DataException NotRead(string kind) => new($"is a TIFF file {kind}, which is not read: convert it to PNG");

    private static DataException EndsTooEarly() => new("is a TIFF file that ends too early");

    /// <summary>Strips or tiles.</summary>
    /// <param name="Count">How many there are.</param>
    /// <param name="Pixels">Of all of one plane, what hangs over the edge included.</param>
    /// <param name="Offsets">The tag of where they are.</param>
    /// <param name="ByteCounts">The tag of their lengths.</param>
    private sealed record Pieces(long Count, long Pixels, Tag Offsets, Tag ByteCounts)
    {
        public static Pieces Of(ReadOnlySpan<byte> file, TiffDirectory directory, long width, long height, long samples)
        {
            var planes = Number(file, directory, Tag.PlanarConfig, 1) == 2 ? samples : 1;
            if (!directory.Has((int)Tag.TileWidth))
            {
                var rows = Math.Clamp(Number(file, directory, Tag.RowsPerStrip, height), 1, height);
                return new Pieces((height + rows - 1) / rows * planes, width * height, Tag.StripOffsets, Tag.StripByteCounts);
            }
            var (across, down) = (Number(file, directory, Tag.TileWidth, 0), Number(file, directory, Tag.TileLength, 0));
            if (across is < 1 or > int.MaxValue || down is < 1 or > int.MaxValue)
            {
                throw new DataException($"is a TIFF file that is damaged: its tiles are {across} x {down} pixels");
            }
            var (columns, rowsOfTiles) = ((width + across - 1) / across, (height + down - 1) / down);
            var pixels = (Int128)columns * rowsOfTiles * across * down;
            return new Pieces(columns * rowsOfTiles * planes, (long)Int128.Min(pixels, long.MaxValue / 512), Tag.TileOffsets, Tag.TileByteCounts);
        }

        /// <summary>Every piece has a place in the file.</summary>
        public void RequireWithin(ReadOnlySpan<byte> file, TiffDirectory directory)
        {
            if (directory.CountOf((int)Offsets) < Count || directory.CountOf((int)ByteCounts) < Count)
            {
                throw new DataException($"is a TIFF file that is damaged: it has places for {directory.CountOf((int)Offsets)} of {Count} strips or tiles");
            }
            for (var i = 0L; i < Count; i++)
            {
                if (Number(file, directory, Offsets, 0, i) + Number(file, directory, ByteCounts, 0, i) > file.Length)
                {
                    throw EndsTooEarly();
                }
            }
        }
    }
}
