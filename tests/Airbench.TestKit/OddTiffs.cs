using System.Buffers.Binary;
using BitMiracle.LibTiff.Classic;
using static Airbench.Tests.OddImages;

namespace Airbench.Tests;

/// <summary>Odd TIFF files, made by LibTiff.NET. Apart from the other odd files, as browsers read no TIFF.</summary>
internal static class OddTiffs
{
    private delegate byte[] PixelBytes(int x, int y);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<OddImage> All { get; } = [.. Orientations(), .. Whole(), .. Refused()];

    private static IEnumerable<OddImage> Orientations()
    {
        for (var orientation = 1; orientation <= 8; orientation++)
        {
            var (width, height, at) = Stored(orientation);
            yield return new($"orientation-{orientation}.tif", Write(
                tiff => tiff.SetField(TiffTag.ORIENTATION, orientation), (x, y) => Rgb(at(x, y)), width, height, mode: orientation % 2 == 0 ? "wb" : "wl"));
        }
    }

    private static IEnumerable<OddImage> Whole()
    {
        foreach (var compression in new[] { Compression.NONE, Compression.LZW, Compression.ADOBE_DEFLATE, Compression.PACKBITS })
        {
            yield return new($"{compression.ToString().ToLowerInvariant()}.tif", Write(tiff => tiff.SetField(TiffTag.COMPRESSION, compression), SceneRgb));
        }
        yield return new("predictor.tif", Write(tiff =>
        {
            tiff.SetField(TiffTag.COMPRESSION, Compression.LZW);
            tiff.SetField(TiffTag.PREDICTOR, Predictor.HORIZONTAL);
        }, SceneRgb));
        yield return new("jpeg.tif", Write(tiff => tiff.SetField(TiffTag.COMPRESSION, Compression.JPEG), SceneRgb), Tolerance: 8);
        yield return new("tiles.tif", Write(tiff =>
        {
            tiff.SetField(TiffTag.TILEWIDTH, 16);
            tiff.SetField(TiffTag.TILELENGTH, 16);
        }, SceneRgb));
        yield return new("planes.tif", Write(tiff => tiff.SetField(TiffTag.PLANARCONFIG, PlanarConfig.SEPARATE), SceneRgb));
        yield return new("strips.tif", Write(tiff => tiff.SetField(TiffTag.ROWSPERSTRIP, 5), SceneRgb));
        yield return new("rgb-16.tif", Write(_ => { }, (x, y) => [.. SceneRgb(x, y).SelectMany(s => new[] { s, s })], bits: 16), Tolerance: 1);
        yield return new("rgba.tif", Write(tiff => tiff.SetField(TiffTag.EXTRASAMPLES, 1, new[] { (short)ExtraSample.UNASSALPHA }), (x, y) => [.. SceneRgb(x, y), (byte)x], samples: 4));
        yield return new("grey.tif", Write(Kind(Photometric.MINISBLACK), (x, y) => [SceneRgb(x, y)[0]], samples: 1), IsGrey: true);
        yield return new("grey-inverted.tif", Write(Kind(Photometric.MINISWHITE), (x, y) => [(byte)(255 - SceneRgb(x, y)[0])], samples: 1), IsGrey: true);
        yield return new("grey-16.tif", Write(Kind(Photometric.MINISBLACK), (x, y) => [SceneRgb(x, y)[0], SceneRgb(x, y)[0]], samples: 1, bits: 16), Tolerance: 1, IsGrey: true);
        yield return new("palette.tif", Write(tiff =>
        {
            Kind(Photometric.PALETTE)(tiff);
            short[] Colours(int sample) => [.. Enumerable.Range(0, 256).Select(i => (short)(257 * SceneRgb(i % 2 * (Width / 2), i / 2 % 2 * (Height / 2))[sample]))];
            tiff.SetField(TiffTag.COLORMAP, Colours(0), Colours(1), Colours(2));
        }, (x, y) => [(byte)((y / (Height / 2) * 2) + (x / (Width / 2)))], samples: 1));
        yield return new("cmyk.tif", Write(Kind(Photometric.SEPARATED), (x, y) =>
            [.. SceneRgb(x, y).Select(s => (byte)(255 - Math.Min(255, s * 255 / 204))), 51], samples: 4), Tolerance: 2);
        yield return new("two-pages.tif", [.. Write(_ => { }, SceneRgb, pages: 2)]);
        yield return new("trailing-garbage.tif", [.. Write(_ => { }, SceneRgb), .. new byte[100]]);
    }

    private static IEnumerable<OddImage> Refused()
    {
        var plain = Write(_ => { }, SceneRgb);
        yield return new("cut-in-half.tif", plain[..(plain.Length / 2)], "ends too early");
        yield return new("cut-header.tif", plain[..6], "is a BigTIFF file or one that is cut off");
        // Pixels that unpack to less than they should.
        var packed = Write(tiff => tiff.SetField(TiffTag.COMPRESSION, Compression.PACKBITS), SceneRgb);
        yield return new("too-few-pixels.tif", With(packed, TiffTag.STRIPBYTECOUNTS, value => value / 2), "TIFF file");
        yield return new("far-away.tif", With(plain, TiffTag.STRIPOFFSETS, _ => 1_000_000_000), "ends too early");
        yield return new("huge.tif", With(With(plain, TiffTag.IMAGEWIDTH, _ => 50_000), TiffTag.IMAGELENGTH, _ => 50_000), "50000 x 50000");
        yield return new("bomb.tif", With(With(With(packed, TiffTag.IMAGEWIDTH, _ => 10_000), TiffTag.IMAGELENGTH, _ => 10_000), TiffTag.ROWSPERSTRIP, _ => 10_000), "cannot hold");
        yield return new("zstandard.tif", With(plain, TiffTag.COMPRESSION, _ => 50000), "Zstandard");
        yield return new("lab.tif", With(plain, TiffTag.PHOTOMETRIC, _ => 8), "colour space 8");
        yield return new("big.tif", [.. "II"u8, 43, 0, 8, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0], "BigTIFF");
        yield return new("loop.tif", Loop(plain));
    }

    private static Action<Tiff> Kind(Photometric photometric) => tiff => tiff.SetField(TiffTag.PHOTOMETRIC, photometric);

    private static byte[] SceneRgb(int x, int y) => Rgb(Scene(x, y));

    private static byte[] Rgb((byte R, byte G, byte B) c) => [c.R, c.G, c.B];

    /// <summary>A TIFF of <paramref name="pages"/> pages, of which the first holds the pixels and the others are black.</summary>
    private static byte[] Write(
        Action<Tiff> fields, PixelBytes pixel, int width = Width, int height = Height, int samples = 3, int bits = 8, string mode = "wl", int pages = 1)
    {
        using var stream = new MemoryStream();
        using (var tiff = Tiff.ClientOpen("", mode, stream, new TiffStream()))
        {
            for (var page = 0; page < pages; page++)
            {
                tiff.SetField(TiffTag.IMAGEWIDTH, width);
                tiff.SetField(TiffTag.IMAGELENGTH, height);
                tiff.SetField(TiffTag.SAMPLESPERPIXEL, samples);
                tiff.SetField(TiffTag.BITSPERSAMPLE, bits);
                tiff.SetField(TiffTag.PLANARCONFIG, PlanarConfig.CONTIG);
                tiff.SetField(TiffTag.ROWSPERSTRIP, height);
                tiff.SetField(TiffTag.PHOTOMETRIC, Photometric.RGB);
                fields(tiff);
                WritePixels(tiff, page == 0 ? pixel : (_, _) => new byte[samples * bits / 8], width, height, samples, bits / 8);
                tiff.WriteDirectory();
            }
        }
        return stream.ToArray();
    }

    private static void WritePixels(Tiff tiff, PixelBytes pixel, int width, int height, int samples, int sampleBytes)
    {
        if (tiff.IsTiled())
        {
            const int Side = 16;
            for (var (i, tiles) = (0, width / Side * (height / Side)); i < tiles; i++)
            {
                var (left, top) = (i % (width / Side) * Side, i / (width / Side) * Side);
                byte[] tile = [.. Enumerable.Range(0, Side * Side).SelectMany(p => pixel(left + (p % Side), top + (p / Side)))];
                tiff.WriteEncodedTile(i, tile, tile.Length);
            }
            return;
        }
        var isSeparate = tiff.GetField(TiffTag.PLANARCONFIG)[0].ToInt() == (int)PlanarConfig.SEPARATE;
        for (short plane = 0; plane < (isSeparate ? samples : 1); plane++)
        {
            for (var y = 0; y < height; y++)
            {
                byte[] row = [.. Enumerable.Range(0, width).SelectMany(x => isSeparate ? pixel(x, y).Skip(plane * sampleBytes).Take(sampleBytes) : pixel(x, y))];
                tiff.WriteScanline(row, y, plane);
            }
        }
    }

    /// <summary>The first value of a tag changed, in a little-endian file.</summary>
    private static byte[] With(byte[] tiff, TiffTag tag, Func<uint, uint> change)
    {
        var file = tiff.ToArray();
        var at = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(4)) + 2;
        while (BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(at)) != (int)tag)
        {
            at += 12;
        }
        var isShort = file[at + 2] == 3;
        var value = isShort ? BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(at + 8)) : BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 8));
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at + 8), change(value));
        return file;
    }

    /// <summary>The directory names itself as the next one.</summary>
    private static byte[] Loop(byte[] tiff)
    {
        var file = tiff.ToArray();
        var directory = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(4));
        var entries = BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(directory));
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(directory + 2 + (12 * entries)), directory);
        return file;
    }
}
