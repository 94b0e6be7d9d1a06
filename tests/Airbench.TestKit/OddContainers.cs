using System.Buffers.Binary;
using SkiaSharp;
using static Airbench.Tests.OddImages;

namespace Airbench.Tests;

/// <summary>The odd files that are neither JPEG nor PNG: WebP, GIF, BMP, ICO, and formats that are only named.</summary>
internal static class OddContainers
{
    /// <summary>Files of WebP, GIF, BMP and ICO.</summary>
    public static IEnumerable<OddImage> All => [.. WebPs(), .. Gifs(), .. Bmps(), .. Icos(), .. Others()];

    private static byte[] Palette(int colours) =>
        [.. Enumerable.Range(0, colours).SelectMany(i => Scene(i % 2 * (Width / 2), i / 2 % 2 * (Height / 2)) is var (r, g, b) ? new[] { r, g, b } : [])];

    private static byte Index(int x, int y) => (byte)((y / (Height / 2) * 2) + (x / (Width / 2)));

    /// <summary>A WebP of planar RGB pixels, lossless or at a quality.</summary>
    private static byte[] WebP(byte[] planar, int width, int height, int? quality, byte alpha = 255)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        var pixels = bitmap.GetPixelSpan();
        for (var i = 0; i < width * height; i++)
        {
            for (var c = 0; c < 3; c++)
            {
                pixels[(4 * i) + c] = planar[(c * width * height) + i];
            }
            pixels[(4 * i) + 3] = alpha;
        }
        using var pixmap = bitmap.PeekPixels();
        using var data = pixmap.Encode(
            new SKWebpEncoderOptions(quality is null ? SKWebpEncoderCompression.Lossless : SKWebpEncoderCompression.Lossy, quality ?? 50));
        return data!.ToArray();
    }

    /// <summary>The same with the chunks around it: VP8X in front, and EXIF behind.</summary>
    private static byte[] WithExif(byte[] webp, int width, int height, byte[] exif)
    {
        byte[] head = [.. "VP8X"u8, 10, 0, 0, 0, 8, 0, 0, 0, (byte)(width - 1), 0, 0, (byte)(height - 1), 0, 0];
        byte[] tail = [.. "EXIF"u8, .. Number(exif.Length), .. exif, .. new byte[exif.Length % 2]];
        var body = webp[12..];
        return [.. "RIFF"u8, .. Number(4 + head.Length + body.Length + tail.Length), .. "WEBP"u8, .. head, .. body, .. tail];
    }

    private static IEnumerable<OddImage> WebPs()
    {
        for (var orientation = 1; orientation <= 8; orientation++)
        {
            var (width, height, _) = Stored(orientation);
            var webp = WebP(ScenePlanar(orientation), width, height, null);
            byte[] exif = orientation % 2 == 0 ? Exif(orientation) : [.. "Exif\0\0"u8, .. Exif(orientation)];
            yield return new($"exif-{orientation}.webp", WithExif(webp, width, height, exif));
        }
        var lossless = WebP(ScenePlanar(), Width, Height, null);
        var lossy = WebP(ScenePlanar(), Width, Height, 95);
        yield return new("lossless.webp", lossless);
        yield return new("lossy.webp", lossy, Tolerance: 8);
        yield return new("half-transparent.webp", WebP(ScenePlanar(), Width, Height, null, alpha: 100), Tolerance: 1);
        yield return new("trailing-garbage.webp", [.. lossless, .. new byte[100]]);
        yield return new("cut-lossless.webp", lossless[..(lossless.Length / 2)], "ends too early");
        yield return new("cut-lossy.webp", lossy[..(lossy.Length * 2 / 3)], "ends too early");
        yield return new("cut-by-one.webp", lossy[..^1], "ends too early");
    }

    /// <summary>A frame: descriptor, own colours where there are some, and pixels as codes that never grow.</summary>
    private static byte[] Frame(int x, int y, int width, int height, byte[]? colours, Func<int, int, byte> index, bool interlaced = false)
    {
        List<byte> frame = [0x2C, (byte)x, 0, (byte)y, 0, (byte)width, 0, (byte)height, 0, (byte)((colours is null ? 0 : 0x81) | (interlaced ? 0x40 : 0)), .. colours ?? [], 7];
        int[] rows = interlaced
            ? [.. Every(0, 8), .. Every(4, 8), .. Every(2, 4), .. Every(1, 2)]
            : [.. Enumerable.Range(0, height)];
        var pixels = rows.SelectMany(row => Enumerable.Range(0, width).Select(column => index(column, row)));
        foreach (var run in pixels.Chunk(100))
        {
            frame.AddRange([(byte)(run.Length + 1), 0x80, .. run]);   // a clear code, 8 bits as the others are before the table is full
        }
        return [.. frame, 1, 0x81, 0];

        IEnumerable<int> Every(int first, int step) => Enumerable.Range(0, height).Where(row => row % step == first);
    }

    private static byte[] Gif(params byte[][] parts) =>
        [.. "GIF89a"u8, Width, 0, Height, 0, 0x81, 0, 0, .. Palette(4), .. parts.SelectMany(part => part), 0x3B];

    private static byte[] Control(byte flags, byte transparent) => [0x21, 0xF9, 4, flags, 10, 0, transparent, 0];

    private static IEnumerable<OddImage> Gifs()
    {
        var whole = Frame(0, 0, Width, Height, null, Index);
        byte[] other = [.. Control(0, 0), .. Frame(0, 0, Width, Height, null, (_, _) => 0)];
        var black = new byte[12];
        yield return new("plain.gif", Gif(whole));
        yield return new("interlaced.gif", Gif(Frame(0, 0, Width, Height, null, Index, interlaced: true)));
        yield return new("own-colours.gif", [.. "GIF89a"u8, Width, 0, Height, 0, 0x81, 0, 0, .. black, .. Frame(0, 0, Width, Height, Palette(4), Index), 0x3B]);
        yield return new("transparent.gif", Gif(Control(1, 2), whole));
        yield return new("animated.gif", Gif([0x21, 0xFF, 11, .. "NETSCAPE2.0"u8, 3, 1, 0, 0, 0], Control(9, 1), whole, other));
        yield return new("trailing-garbage.gif", [.. Gif(whole), .. new byte[100]]);
        yield return new("no-end.gif", Gif(whole)[..^1]);
        yield return new("second-frame-cut.gif", Gif(whole, other)[..^100]);
        yield return new("cut-in-half.gif", Gif(whole)[..1000], "ends too early");
        yield return new("too-few-pixels.gif", Gif(Frame(0, 0, Width, Height, null, Index)[..929], [0]), "GIF file");
        yield return new("no-frame.gif", Gif(), "holds no image");
    }

    /// <summary>A BMP with a header of 40 bytes.</summary>
    private static byte[] Bmp(int bits, int compression, int height, byte[] between, byte[] pixels) =>
    [
        .. "BM"u8, .. Number(54 + between.Length + pixels.Length), 0, 0, 0, 0, .. Number(54 + between.Length),
        .. Number(40), .. Number(Width), .. Number(height), 1, 0, (byte)bits, 0, .. Number(compression), .. Number(pixels.Length), .. new byte[16],
        .. between, .. pixels,
    ];

    private static byte[] BmpPixels(Func<int, int, byte[]> pixel, bool topDown = false) =>
        [.. Enumerable.Range(0, Height).SelectMany(y => Enumerable.Range(0, Width).SelectMany(x => pixel(x, topDown ? y : Height - 1 - y)))];

    private static byte[] Bgr(int x, int y) => Scene(x, y) is var (r, g, b) ? [b, g, r] : [];

    private static byte[] BmpColours(int count) =>
        [.. Enumerable.Range(0, count).SelectMany(i => (byte[])[.. Bgr(i % 2 * (Width / 2), i / 2 % 2 * (Height / 2)), 0])];

    private static byte[] Runs(Func<int, byte[]> line) => [.. Enumerable.Range(0, Height).SelectMany(y => line(Height - 1 - y)), 0, 1];

    private static IEnumerable<OddImage> Bmps()
    {
        var plain = Bmp(24, 0, Height, [], BmpPixels(Bgr));
        yield return new("24.bmp", plain);
        yield return new("24-top-down.bmp", Bmp(24, 0, -Height, [], BmpPixels(Bgr, topDown: true)));
        yield return new("32.bmp", Bmp(32, 0, Height, [], BmpPixels((x, y) => [.. Bgr(x, y), 0])));
        yield return new("32-alpha.bmp", Bmp(32, 0, Height, [], BmpPixels((x, y) => [.. Bgr(x, y), (byte)(x * 4)])));
        yield return new("8.bmp", Bmp(8, 0, Height, BmpColours(256), BmpPixels((x, y) => [Index(x, y)])));
        yield return new("4.bmp", Bmp(4, 0, Height, BmpColours(16), BmpPixels((x, y) => x % 2 == 0 ? [(byte)(Index(x, y) * 17)] : [])));
        yield return new("565.bmp", Bmp(16, 3, Height, [0, 0xF8, 0, 0, 0xE0, 0x07, 0, 0, 0x1F, 0, 0, 0], BmpPixels((x, y) =>
            Scene(x, y) is var (r, g, b) && ((r >> 3 << 11) | (g >> 2 << 5) | (b >> 3)) is var v ? [(byte)v, (byte)(v >> 8)] : [])), Tolerance: 7);
        byte[] Line(int y) => [Width / 2, Index(0, y), Width / 2, Index(Width / 2, y), 0, 0];
        yield return new("rle8.bmp", Bmp(8, 1, Height, BmpColours(256), Runs(Line)));
        yield return new("rle8-too-long.bmp", Bmp(8, 1, Height, BmpColours(256), Runs(y => [Width, 0, .. Line(y)])), "damaged");
        yield return new("rle8-gaps.bmp", Bmp(8, 1, Height, BmpColours(256), Runs(y => Line(y)[2..])), "damaged");
        yield return new("rle8-cut.bmp", Bmp(8, 1, Height, BmpColours(256), Runs(Line))[..^50], "ends too early");
        yield return new("trailing-garbage.bmp", [.. plain, .. new byte[100]]);
        yield return new("cut-in-half.bmp", plain[..(plain.Length / 2)], "ends too early");
        yield return new("cut-by-one.bmp", plain[..^1], "ends too early");
        var huge = plain.ToArray();
        Number(1_000_000).CopyTo(huge, 18);
        Number(1_000_000).CopyTo(huge, 22);
        yield return new("huge.bmp", huge, "BMP file");
    }

    /// <summary>An ICO of images whose sides are in their entries.</summary>
    private static byte[] Ico(params (byte Width, byte Height, byte[] Image)[] images)
    {
        List<byte> file = [0, 0, 1, 0, (byte)images.Length, 0];
        var at = 6 + (16 * images.Length);
        foreach (var (width, height, image) in images)
        {
            file.AddRange([width, height, 0, 0, 1, 0, 32, 0, .. Number(image.Length), .. Number(at)]);
            at += image.Length;
        }
        return [.. file, .. images.SelectMany(i => i.Image)];
    }

    private static IEnumerable<OddImage> Icos()
    {
        var small = TestImages.Png(TestImages.Planar(1, 16, 16), 16, 16);
        // A bitmap in an icon has twice its height, for a mask of one bit a pixel behind it.
        var bitmap = Bmp(32, 0, 2 * Height, [], [.. BmpPixels((x, y) => [.. Bgr(x, y), 255]), .. new byte[Width / 8 * Height]])[14..];
        yield return new("png.ico", Ico((16, 16, small), (Width, Height, ScenePng())));
        yield return new("bitmap.ico", Ico((16, 16, small), (Width, Height, bitmap)));
        yield return new("largest-first.ico", Ico((Width, Height, bitmap), (16, 16, small)));
        yield return new("cut.ico", Ico((16, 16, small), (Width, Height, bitmap))[..^1000], "ends too early");
        yield return new("no-image.ico", Ico(), "ICO file");
    }

    private static IEnumerable<OddImage> Others()
    {
        yield return new("photo.heic", [0, 0, 0, 24, .. "ftypheic"u8, 0, 0, 0, 0, .. "mif1heic"u8], "HEIC");
        yield return new("photo.avif", [0, 0, 0, 24, .. "ftypavif"u8, 0, 0, 0, 0, .. "mif1avif"u8], "AVIF");
        yield return new("photo.jxl", [0xFF, 0x0A, 0, 0], "JPEG XL");
        yield return new("photo.jp2", [0, 0, 0, 12, .. "jP  "u8, 13, 10, 0x87, 10], "JPEG 2000");
        yield return new("drawing.svg", [.. "<svg xmlns='http://www.w3.org/2000/svg'/>"u8], "SVG");
        yield return new("page.pdf", [.. "%PDF-1.7"u8], "PDF");
        yield return new("layers.psd", [.. "8BPS"u8, 0, 1], "PSD");
    }

    private static byte[] Number(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return bytes;
    }
}
