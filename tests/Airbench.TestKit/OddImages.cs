using System.Buffers.Binary;
using SkiaSharp;
using static Airbench.Tests.TestImages;

namespace Airbench.Tests;

/// <summary>
/// Image files of every kind that people have, each with what is right: it shows <see cref="Scene"/>, or its grey, or is refused.
/// Every reader of images, ours and the clients', goes through the same list.
/// </summary>
/// <param name="Name">What is odd, and the extension of the format.</param>
/// <param name="File">Its bytes.</param>
/// <param name="Refusal">Words of the message that refuses it; null where it is decoded.</param>
/// <param name="Tolerance">How far the decoded samples may be from the scene, away from the edges of its quadrants.</param>
/// <param name="IsGrey">Shows the grey of the scene: that of its red samples.</param>
internal sealed record OddImage(string Name, byte[] File, string? Refusal = null, int Tolerance = 0, bool IsGrey = false)
{
    public override string ToString() => Name;
}

/// <inheritdoc cref="OddImage"/>
internal static class OddImages
{
    public const int Width = 64, Height = 32;

    /// <summary>JPEG rounds the means of blocks, and the conversion of colours.</summary>
    private const int JpegTolerance = 3;

    /// <summary>The scene at a pixel: four quadrants, red, green, blue and yellow from the top left in rows.</summary>
    public static (byte R, byte G, byte B) Scene(int x, int y) => (x < Width / 2, y < Height / 2) switch
    {
        (true, true) => (200, 40, 30),
        (false, true) => (40, 180, 60),
        (true, false) => (30, 60, 190),
        _ => (204, 200, 50),
    };

    /// <summary>All of them but TIFF, which not every client reads.</summary>
    public static IReadOnlyList<OddImage> All { get; } = [.. JpegFiles(), .. PngFiles(), .. OddContainers.All];

    /// <summary>The scene as it is stored so that <paramref name="orientation"/> turns it upright.</summary>
    public static (int Width, int Height, Func<int, int, (byte R, byte G, byte B)> At) Stored(int orientation)
    {
        var (width, height) = orientation >= 5 ? (Height, Width) : (Width, Height);
        return (width, height, (x, y) => orientation switch
        {
            2 => Scene(Width - 1 - x, y),
            3 => Scene(Width - 1 - x, Height - 1 - y),
            4 => Scene(x, Height - 1 - y),
            5 => Scene(y, x),
            6 => Scene(Width - 1 - y, x),
            7 => Scene(Width - 1 - y, Height - 1 - x),
            8 => Scene(y, Height - 1 - x),
            _ => Scene(x, y),
        });
    }

    /// <summary>An EXIF block (a TIFF structure) with an orientation and nothing else.</summary>
    public static byte[] Exif(int orientation, bool bigEndian = true) => bigEndian
        ? [.. "MM\0*"u8, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, (byte)orientation, 0, 0, 0, 0, 0, 0]
        : [.. "II*\0"u8, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, (byte)orientation, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>The same as an APP1 segment of a JPEG.</summary>
    public static byte[] App1(int orientation) => Exif(orientation) is var exif ? [0xFF, 0xE1, 0, (byte)(8 + exif.Length), .. "Exif\0\0"u8, .. exif] : [];

    /// <summary>Rows of a PNG.</summary>
    /// <param name="width">Pixels.</param>
    /// <param name="height">Pixels.</param>
    /// <param name="bits">Of a sample.</param>
    /// <param name="pixel">Samples of a pixel.</param>
    public static byte[][] Rows(int width, int height, int bits, Func<int, int, int[]> pixel)
    {
        var rows = new byte[height][];
        for (var y = 0; y < height; y++)
        {
            var samples = Enumerable.Range(0, width).SelectMany(x => pixel(x, y)).ToArray();
            var row = new byte[((samples.Length * bits) + 7) / 8];
            for (var i = 0; i < samples.Length; i++)
            {
                if (bits == 16)
                {
                    BinaryPrimitives.WriteUInt16BigEndian(row.AsSpan(2 * i), (ushort)samples[i]);
                }
                else
                {
                    row[i * bits / 8] |= (byte)(samples[i] << (8 - bits - (i * bits % 8)));
                }
            }
            rows[y] = row;
        }
        return rows;
    }

    /// <summary>The scene as a PNG.</summary>
    public static byte[] ScenePng(int orientation = 1, params (string Type, byte[] Data)[] extra)
    {
        var (width, height, at) = Stored(orientation);
        return Png(PngColour.Rgb, 8, width, height, Rows(width, height, 8, (x, y) => Samples(at(x, y))), extra);
    }

    /// <summary>The scene as planar RGB.</summary>
    public static byte[] ScenePlanar(int orientation = 1)
    {
        var (width, height, at) = Stored(orientation);
        var planar = new byte[3 * width * height];
        for (var i = 0; i < width * height; i++)
        {
            (planar[i], planar[(width * height) + i], planar[(2 * width * height) + i]) = at(i % width, i / width);
        }
        return planar;
    }

    /// <summary>A file whose checksum of a chunk is wrong.</summary>
    public static byte[] WrongCrc(byte[] png, ReadOnlySpan<byte> chunk)
    {
        var file = png.ToArray();
        var at = file.AsSpan().IndexOf(chunk);
        file[at + 4 + BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(at - 4))] ^= 1;
        return file;
    }

    private static int[] Samples((byte R, byte G, byte B) c) => [c.R, c.G, c.B];

    private static int Quadrant(int x, int y) => (y / (Height / 2) * 2) + (x / (Width / 2));

    private static IEnumerable<OddImage> JpegFiles()
    {
        for (var orientation = 1; orientation <= 8; orientation++)
        {
            var (width, height, at) = Stored(orientation);
            yield return new($"exif-{orientation}.jpg", FlatJpeg.Write(width, height, FlatJpeg.Ycc(at, 1, 1), segments: App1(orientation)), Tolerance: JpegTolerance);
        }
        byte[] Scenes(int horizontal, int vertical, FlatJpeg.Coding coding = FlatJpeg.Coding.Baseline, bool separate = false, params byte[][] segments) =>
            FlatJpeg.Write(Width, Height, FlatJpeg.Ycc(Scene, horizontal, vertical), coding, separate, segments);
        yield return new("exif-0.jpg", Scenes(1, 1, segments: App1(0)), Tolerance: JpegTolerance);
        yield return new("exif-9.jpg", Scenes(1, 1, segments: App1(9)), Tolerance: JpegTolerance);
        yield return new("exif-twice.jpg", Scenes(1, 1, segments: [App1(1), App1(1)]), Tolerance: JpegTolerance);
        yield return new("444.jpg", Scenes(1, 1), Tolerance: JpegTolerance);
        yield return new("422.jpg", Scenes(2, 1), Tolerance: JpegTolerance);
        yield return new("420.jpg", Scenes(2, 2), Tolerance: JpegTolerance);
        yield return new("440.jpg", Scenes(1, 2), Tolerance: JpegTolerance);
        yield return new("411.jpg", Scenes(4, 1), Tolerance: JpegTolerance);
        yield return new("separate-scans.jpg", Scenes(1, 2, separate: true), Tolerance: JpegTolerance);
        yield return new("progressive.jpg", Scenes(2, 2, FlatJpeg.Coding.Progressive), Tolerance: JpegTolerance);
        yield return new("grey.jpg", FlatJpeg.Write(Width, Height, [new(1, 1, 1, (x, y) => Scene(x, y).R)]), Tolerance: 1, IsGrey: true);

        // CMYK of Adobe is stored inverted; a black of 204 of 255 leaves 4/5 of the colour.
        double Ink(int x, int y, Func<(byte R, byte G, byte B), byte> sample) => Math.Min(255, sample(Scene(x, y)) * 255 / 204.0);
        FlatJpeg.Component[] cmyk =
        [
            new(1, 1, 1, (x, y) => Ink(x, y, c => c.R)), new(2, 1, 1, (x, y) => Ink(x, y, c => c.G)), new(3, 1, 1, (x, y) => Ink(x, y, c => c.B)),
            new(4, 1, 1, (_, _) => 204),
        ];
        yield return new("cmyk.jpg", FlatJpeg.Write(Width, Height, cmyk, segments: FlatJpeg.Adobe(0)), Tolerance: JpegTolerance);
        (byte, byte, byte) Inks(int x, int y) => ((byte)(255 - Ink(x, y, c => c.R)), (byte)(255 - Ink(x, y, c => c.G)), (byte)(255 - Ink(x, y, c => c.B)));
        yield return new(
            "ycck.jpg", FlatJpeg.Write(Width, Height, [.. FlatJpeg.Ycc(Inks, 1, 1), new(4, 1, 1, (_, _) => 204)], segments: FlatJpeg.Adobe(2)), Tolerance: JpegTolerance);

        var whole = Scenes(2, 2);
        yield return new("trailing-garbage.jpg", [.. whole, .. Planar(3, 20, 20)], Tolerance: JpegTolerance);
        yield return new("leading-garbage.jpg", [0, 1, 2, 3, .. whole], "is no image that is read");
        yield return new("no-end.jpg", whole[..^2], Tolerance: JpegTolerance);
        yield return new("half-an-end.jpg", whole[..^1], Tolerance: JpegTolerance);
        yield return new("no-end-progressive.jpg", Scenes(2, 2, FlatJpeg.Coding.Progressive)[..^2], Tolerance: JpegTolerance);
        yield return new("cut.jpg", whole[..^8], "ends too early");
        yield return new("cut-header.jpg", whole[..100], "ends too early");
        var photo = Jpeg(Planar(5, Width, Height), Width, Height, 80);
        yield return new("cut-in-half.jpg", photo[..(photo.Length / 2)], "ends too early");
        yield return new("cut-last-scan.jpg", Scenes(2, 2, FlatJpeg.Coding.Progressive)[..^20], "ends too early");
        var twelve = whole.ToArray();
        twelve[twelve.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]) + 4] = 12;
        yield return new("12-bit.jpg", twelve, "12-bit JPEG");
        var lossless = whole.ToArray();
        lossless[lossless.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]) + 1] = 0xC3;
        yield return new("lossless.jpg", lossless, "lossless JPEG");
        yield return new("png-inside.jpg", ScenePng());
        yield return new("empty.jpg", [], "is empty");
        yield return new("text.jpg", [.. "not an image"u8], "is no image that is read");
    }

    private static IEnumerable<OddImage> PngFiles()
    {
        for (var orientation = 1; orientation <= 8; orientation++)
        {
            yield return new($"exif-{orientation}.png", ScenePng(orientation, ("eXIf", Exif(orientation, bigEndian: orientation % 2 == 0))));
        }
        yield return new("exif-0.png", ScenePng(1, ("eXIf", Exif(0))));
        yield return new("exif-cut.png", ScenePng(1, ("eXIf", Exif(6)[..12])));
        byte[] Of(PngColour colour, int bits, Func<int, int, int[]> pixel, params (string, byte[])[] extra) =>
            Png(colour, (byte)bits, Width, Height, Rows(Width, Height, bits, pixel), extra);
        var palette = ("PLTE", (byte[])[200, 40, 30, 40, 180, 60, 30, 60, 190, 204, 200, 50]);
        yield return new("grey-8.png", Of(PngColour.Grey, 8, (x, y) => [Scene(x, y).R]), IsGrey: true);
        yield return new("grey-16.png", Of(PngColour.Grey, 16, (x, y) => [Scene(x, y).R * 257]), Tolerance: 1, IsGrey: true);
        yield return new("grey-4.png", Of(PngColour.Grey, 4, (x, y) => [Scene(x, y).R / 17]), Tolerance: 17, IsGrey: true);
        yield return new("grey-16-key.png", Of(PngColour.Grey, 16, (x, y) => [Scene(x, y).R * 257], ("tRNS", [200, 200])), Tolerance: 1, IsGrey: true);
        yield return new("grey-alpha.png", Of(PngColour.GreyAlpha, 8, (x, y) => [Scene(x, y).R, x]), IsGrey: true);
        yield return new("rgb-16.png", Of(PngColour.Rgb, 16, (x, y) => [.. Samples(Scene(x, y)).Select(s => s * 257)]), Tolerance: 1);
        yield return new("rgba.png", Of(PngColour.Rgba, 8, (x, y) => [.. Samples(Scene(x, y)), x < 10 ? 0 : y]));
        yield return new("rgb-key.png", ScenePng(1, ("tRNS", [0, 200, 0, 40, 0, 30])));
        yield return new("palette-2.png", Of(PngColour.Palette, 2, (x, y) => [Quadrant(x, y)], palette));
        yield return new("palette-8.png", Of(PngColour.Palette, 8, (x, y) => [Quadrant(x, y)], palette));
        yield return new("palette-transparent.png", Of(PngColour.Palette, 4, (x, y) => [Quadrant(x, y)], palette, ("tRNS", [0, 128, 255, 0])));
        yield return new("interlaced.png", InterlacedPng.Write(PngColour.Rgb, 8, Width, Height, (x, y) => Samples(Scene(x, y))));
        yield return new("interlaced-palette.png", InterlacedPng.Write(PngColour.Palette, 2, Width, Height, (x, y) => [Quadrant(x, y)], palette));
        yield return new("gamma.png", ScenePng(1, ("gAMA", [0, 0, 0x8A, 0xCC])));
        yield return new("chromaticities.png", ScenePng(1, ("cHRM", [.. Enumerable.Range(0, 8).SelectMany(i => new byte[] { 0, 0, (byte)(40 + i), 0 })])));
        var png = ScenePng(1, ("tEXt", [.. "a\0b"u8]));
        yield return new("trailing-garbage.png", [.. png, .. Planar(3, 20, 20)]);
        yield return new("no-end.png", png[..^12]);
        yield return new("leading-garbage.png", [0, .. png], "is no image that is read");
        yield return new("cut.png", png[..^40], "ends too early");
        yield return new("cut-in-half.png", Png(Planar(5))[..1500], "ends too early");
        yield return new("wrong-crc-header.png", WrongCrc(png, "IHDR"u8), "wrong CRC");
        yield return new("wrong-crc-pixels.png", WrongCrc(png, "IDAT"u8), "wrong CRC");
        yield return new("wrong-crc-text.png", WrongCrc(png, "tEXt"u8));
        yield return new("no-pixels.png", [.. png[..33], .. png[^12..]], "PNG file");
        yield return new("huge.png", Png(PngColour.Grey, 1, 100_000, 100_000, [[0]]), "100000 x 100000");
    }
}
