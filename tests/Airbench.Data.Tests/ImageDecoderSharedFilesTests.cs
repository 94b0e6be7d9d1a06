using System.Globalization;
using Airbench.Data;

namespace Airbench.Tests;

/// <summary>Odd files of public test collections, where they lie beside the repository.</summary>
public sealed class ImageDecoderSharedFilesTests
{
    /// <summary>
    /// Name, size as shown, mean and central pixel of the central square in R, G, B; or why it is refused. The numbers are Pillow 9.4's, but for 16-bit grey
    /// (the high byte), a JPEG that lacks its end (that of the same file with one), and bmp_q_rgba32 (its masks, applied by hand).
    /// </summary>
    private const string Right = """
        arith.jpg | 227x149 | 167.3 79.8 73.8 | 242 45 52
        arith_twin_huffman.jpg | 227x149 | 167.4 79.8 73.8 | 244 45 52
        avif_hopper.avif | refused | is an AVIF file, which is not read: convert it to JPEG or PNG
        bmp_b_badrle.bmp | refused | is a BMP file that is damaged: its runs leave pixels out or go beyond the image
        bmp_b_badwidth.bmp | refused | is a BMP file whose header is damaged or cut off
        bmp_b_reallybig.bmp | refused | is a BMP file whose header is damaged or cut off
        bmp_g_pal1.bmp | 127x64 | 83.5 83.5 83.5 | 255 255 255
        bmp_g_pal8topdown.bmp | 127x64 | 115.4 115.1 115.9 | 255 255 255
        bmp_g_rgb16-565.bmp | 127x64 | 118.0 116.1 117.8 | 255 255 255
        bmp_q_rgba32.bmp | 127x64 | 106.8 108.0 98.1 | 255 0 0
        cmyk_pil.jpg | 100x100 | 30.2 5.4 7.4 | 1 4 5
        exif_multiple.jpg | 1x1 | 0.0 0.0 0.0 | 0 0 0
        fuzz_broken_adobe.jpg | refused | is a JPEG file that ends too early
        gif_animated.gif | 100x100 | 72.5 169.1 246.9 | 30 144 255
        gif_imageNotFound.gif | 300x300 | 242.3 242.3 242.3 | 234 234 234
        heif_truncated.heif | refused | is a HEIC file, which is not read: convert it to JPEG or PNG
        icc_chunk_missing.jpeg | 1x1 | 0.0 0.0 0.0 | 0 0 0
        ico_multi.ico | 48x48 | 105.3 112.0 79.5 | 254 231 101
        ids_duplicate.jpg | 367x242 | 30.6 24.7 24.3 | 0 0 0
        is_png_named.jpg | 6x6 | 126.9 127.2 44.1 | 106 106 52
        jpeg12bit.jpg | refused | is a 12-bit JPEG file, which is not read: convert it to a JPEG of 8 bits or to PNG
        lossless_gray16.jpg | refused | is a lossless JPEG file, which is not read: convert it to a JPEG of 8 bits or to PNG
        made_bomb_header_100000x100000.png | refused | is 100000 x 100000 pixels; at most 100 megapixels are decoded
        made_garbage_after.jpg | 290x442 | 108.9 105.3 107.3 | 73 76 111
        made_icc_srgb_twin.jpg | 320x209 | 121.4 99.8 85.5 | 44 58 33
        made_long_1x20000.png | 1x20000 | 128.0 64.0 32.0 | 128 64 32
        made_missing_eoi.jpg | 290x442 | 108.9 105.3 107.3 | 73 76 111
        made_png_UPPER.PNG | 32x32 | 127.5 127.5 43.8 | 123 123 8
        made_quad_exif1.jpg | 60x40 | 127.3 127.5 63.8 | 255 255 0
        made_quad_exif2.jpg | 60x40 | 127.2 127.5 63.8 | 255 255 0
        made_quad_exif3.jpg | 60x40 | 127.2 127.5 63.8 | 255 255 0
        made_quad_exif4.jpg | 60x40 | 127.3 127.5 63.8 | 255 255 0
        made_quad_exif5.jpg | 60x40 | 127.2 127.5 63.7 | 255 255 0
        made_quad_exif6.jpg | 60x40 | 127.2 127.5 63.8 | 255 255 0
        made_quad_exif6.png | 60x40 | 127.5 127.5 63.8 | 255 255 0
        made_quad_exif7.jpg | 60x40 | 127.2 127.5 63.8 | 255 255 0
        made_quad_exif8.jpg | 60x40 | 127.2 127.5 63.7 | 255 255 0
        made_zero_filled_tail.jpg | refused | is a JPEG file that ends too early
        padded_segments.jpg | 20x45 | 207.9 216.2 215.6 | 252 255 255
        png_1x1_trns.png | 1x1 | 255.0 77.0 0.0 | 255 77 0
        png_alpha_palette_256.png | 256x256 | 226.5 209.1 204.0 | 255 255 255
        png_basi0g01.png | 32x32 | 124.5 124.5 124.5 | 0 0 0
        png_basi2c08.png | 32x32 | 191.2 191.2 191.2 | 239 255 255
        png_basn0g02.png | 32x32 | 127.5 127.5 127.5 | 0 0 0
        png_basn0g16.png | 32x32 | 144.2 144.2 144.2 | 176 176 176
        png_basn3p01.png | 32x32 | 136.0 178.5 144.5 | 238 255 34
        png_basn3p08.png | 32x32 | 135.3 135.3 111.4 | 1 255 1
        png_ccwn2c08.png | 32x32 | 202.1 212.4 201.4 | 255 236 139
        png_cs3n2c16.png | 32x32 | 99.7 191.2 91.5 | 0 255 0
        png_g03n2c08.png | 32x32 | 90.4 123.3 61.0 | 0 200 0
        png_g25n3p04.png | 32x32 | 83.0 85.6 102.9 | 0 45 45
        png_oi9n2c16.png | 32x32 | 127.5 127.5 43.8 | 123 123 8
        png_tbwn0g16.png | 32x32 | 171.6 171.6 171.6 | 158 158 158
        png_tm3n3p02.png | 32x32 | 0.0 0.0 255.0 | 0 0 255
        png_tp1n3p08.png | 32x32 | 167.1 174.4 169.3 | 158 158 158
        png_trns_before_plte.png | 100x60 | 0.0 112.0 143.0 | 0 0 255
        png_xd0n2c08.png | refused | is a PNG file whose header is damaged or cut off
        png_xdtn0g01.png | refused | is a PNG file whose header is damaged or cut off
        png_xhdn0g08.png | refused | is a PNG file whose chunk IHDR is damaged (wrong CRC)
        png_xs1n0g01.png | refused | is no image that is read
        prog_truncated.jpg | 100x100 | 128.4 128.2 126.7 | 122 182 122
        qtable16.jpg | 204x131 | 115.3 103.6 85.0 | 28 28 28
        rgb_pil.jpg | 100x100 | 28.0 4.5 3.5 | 1 0 0
        samp_all_1x2.jpg | 600x320 | 136.9 133.6 124.5 | 29 85 76
        sof_missing.jpg | refused | is a JPEG file that ends too early
        sos_noninterleaved_440.jpg | 64x64 | 127.7 0.4 127.7 | 124 0 129
        tiff_16bit_RGB.tiff | 100x40 | 35.7 28.0 22.2 | 14 10 10
        tiff_strip_cmyk_jpeg.tif | 100x100 | 30.2 5.4 7.4 | 1 4 5
        truncated.jpg | refused | is a JPEG file that ends too early
        truncated_twin_full.jpg | 290x442 | 108.9 105.3 107.3 | 73 76 111
        webp_animated.webp | 200x200 | 15.6 15.6 15.6 | 0 0 0
        webp_bigheight.webp | 13x169 | 255.0 0.0 0.0 | 255 0 0
        ycck_subsampled.jpg | 1824x1024 | 255.0 255.0 255.0 | 255 255 255
        zero_length.jpg | refused | is empty
        """;

    private static readonly string? Folder = SharedData.Folder("odd");

    [Fact]
    public void Every_shared_file_is_decoded_or_refused_as_is_right()
    {
        Assert.SkipWhen(Folder is null, "needs ../shared/data/odd");
        var rows = Right.Split('\n').Select(row => row.Split(" | ", StringSplitOptions.TrimEntries)).ToList();
        var files = Directory.EnumerateFiles(Folder).Select(Path.GetFileName).Where(name => name != "manifest.tsv");
        Assert.Equal(files.Order(StringComparer.Ordinal), rows.Select(row => row[0]).Order(StringComparer.Ordinal));
        Assert.All(rows, Check);
    }

    [Theory]
    [InlineData("made_garbage_after.jpg", "truncated_twin_full.jpg", 0)]
    [InlineData("made_missing_eoi.jpg", "truncated_twin_full.jpg", 0)]
    [InlineData("made_png_UPPER.PNG", "png_oi9n2c16.png", 1)]
    public void Twins_have_the_same_pixels(string name, string twin, int tolerance)
    {
        Assert.SkipWhen(Folder is null, "needs ../shared/data/odd");
        Assert.All(Decode(name).Pixels.Zip(Decode(twin).Pixels), p => Assert.InRange(p.First - p.Second, -tolerance, tolerance));
    }

    private static void Check(string[] row)
    {
        var (name, expected) = (row[0], row[1]);
        if (expected == "refused")
        {
            Assert.Contains(row[2], Assert.Throws<DataException>(() => Decode(name)).Message);
            return;
        }
        var (header, pixels) = Decode(name);
        Assert.Equal(expected, $"{header.Width}x{header.Height}");
        var side = Math.Min(header.Width, header.Height);
        var plane = side * side;
        var (means, centre) = (Numbers(row[2]), Numbers(row[3]));
        for (var c = 0; c < 3; c++)
        {
            Assert.InRange(pixels.Skip(c * plane).Take(plane).Average(p => p) - means[c], -1, 1);
            Assert.InRange(pixels[(c * plane) + (side / 2 * side) + (side / 2)] - centre[c], -1, 1);
        }
    }

    private static double[] Numbers(string text) => [.. text.Split(' ').Select(number => double.Parse(number, CultureInfo.InvariantCulture))];

    private static (ImageHeader Header, byte[] Pixels) Decode(string name)
    {
        var file = File.ReadAllBytes(Path.Combine(Folder!, name));
        var header = ImageDecoder.HeaderOf(file);
        var side = Math.Min(header.Width, header.Height);
        var pixels = new byte[3 * side * side];
        using var decoder = new ImageDecoder();
        decoder.Decode(file, side, pixels);
        return (header, pixels);
    }
}
