using Airbench.Data;
using CsCheck;
using static Airbench.Tests.TestImages;

namespace Airbench.Tests;

public sealed class ImageDecoderTests
{
    [Fact]
    public void An_image_of_the_right_size_comes_through_bit_by_bit()
    {
        var pixels = Planar(1);
        Assert.Equal(pixels, Decode(Png(pixels), 32));
    }

    [Fact]
    public void Grey_fills_all_three_channels() =>
        Assert.Equal([0, 100, 200, 255, 0, 100, 200, 255, 0, 100, 200, 255], Decode(Png(PngColour.Grey, 8, 2, 2, [[0, 100], [200, 255]]), 2));

    [Fact]
    public void One_bit_grey_is_black_and_white() =>
        Assert.Equal([255, 0, 0, 255], Decode(Png(PngColour.Grey, 1, 2, 2, [[0b1000_0000], [0b0100_0000]]), 2)[..4]);

    [Fact]
    public void A_palette_is_looked_up() =>
        Assert.Equal(
            [1, 4, 4, 1, 2, 5, 5, 2, 3, 6, 6, 3],
            Decode(Png(PngColour.Palette, 8, 2, 2, [[0, 1], [1, 0]], ("PLTE", [1, 2, 3, 4, 5, 6]), ("tRNS", [0, 128])), 2));

    [Fact]
    public void Alpha_is_dropped_and_the_stored_colour_kept_even_where_nothing_shows() =>
        Assert.Equal(
            [10, 40, 10, 40, 20, 50, 20, 50, 30, 60, 30, 60],
            Decode(Png(PngColour.Rgba, 8, 2, 2, [[10, 20, 30, 255, 40, 50, 60, 0], [10, 20, 30, 1, 40, 50, 60, 128]]), 2));

    [Fact]
    public void Grey_with_alpha_keeps_its_grey() =>
        Assert.Equal([9, 99, 9, 99], Decode(Png(PngColour.GreyAlpha, 8, 2, 2, [[9, 0, 99, 255], [9, 7, 99, 8]]), 2)[..4]);

    [Fact]
    public void Sixteen_bits_become_eight()
    {
        byte[] row = [0x00, 0x00, 0x7F, 0xFF, 0xFF, 0xFF, 0x12, 0x00, 0x80, 0x80, 0xFE, 0x00];
        var pixels = Decode(Png(PngColour.Rgb, 16, 2, 2, [row, row]), 2);
        byte[] expected = [0, 0x12, 0, 0x12, 0x7F, 0x80, 0x7F, 0x80, 0xFF, 0xFE, 0xFF, 0xFE];
        Assert.All(pixels.Zip(expected), p => Assert.InRange(p.First - p.Second, -1, 1));   // rounding is the codec's
    }

    [Fact]
    public void A_colour_profile_changes_nothing() =>
        Assert.Equal([50, 50, 50, 50], Decode(Png(PngColour.Grey, 8, 2, 2, [[50, 50], [50, 50]], ("gAMA", [0, 1, 0x86, 0xA0])), 2)[..4]);

    [Theory]
    [InlineData(1, 0, 1, 2, 3)]
    [InlineData(2, 1, 0, 3, 2)]
    [InlineData(3, 3, 2, 1, 0)]
    [InlineData(4, 2, 3, 0, 1)]
    [InlineData(5, 0, 2, 1, 3)]
    [InlineData(6, 2, 0, 3, 1)]
    [InlineData(7, 3, 1, 2, 0)]
    [InlineData(8, 1, 3, 0, 2)]
    public void Exif_orientation_is_applied(byte orientation, params int[] quadrants)
    {
        // Four flat quadrants of 16 x 16, numbered from the top left in rows; JPEG keeps flat blocks.
        var stored = new byte[3 * 32 * 32];
        for (var i = 0; i < stored.Length; i++)
        {
            stored[i] = Level(((i / 512 % 2) * 2) + (i % 32 / 16));
        }
        var seen = Decode(WithOrientation(Jpeg(stored, 32, 32, 100), orientation), 32);
        Assert.All(
            quadrants.Index(), q => Assert.InRange(seen[(q.Index / 2 * 512) + (q.Index % 2 * 16) + (8 * 32) + 8] - Level(q.Item), -3, 3));

        static byte Level(int quadrant) => (byte)(30 + (60 * quadrant));
    }

    [Theory]
    [InlineData(64, 64)]
    [InlineData(33, 31)]
    [InlineData(8, 8)]
    [InlineData(640, 480)]
    [InlineData(480, 640)]
    [InlineData(1, 5)]
    public void A_flat_image_stays_flat_at_any_size(int width, int height)
    {
        var flat = new byte[3 * width * height];
        flat.AsSpan().Fill(123);
        Assert.All(Decode(Png(flat, width, height), 32), p => Assert.Equal(123, p));
    }

    [Fact]
    public void The_short_side_is_resized_and_the_centre_taken()
    {
        // 96 x 32: black, white, black thirds; the centre third is what remains.
        var pixels = new byte[3 * 96 * 32];
        for (var i = 0; i < pixels.Length; i++)
        {
            pixels[i] = i % 96 / 32 == 1 ? (byte)255 : (byte)0;
        }
        Assert.All(Decode(Png(pixels, 96, 32), 32), p => Assert.Equal(255, p));
    }

    [Fact]
    public void Strong_reduction_does_not_alias()
    {
        // Stripes one pixel wide: a filter that samples would give black, white or moire; the right answer is even grey.
        var pixels = new byte[3 * 1024 * 1024];
        for (var i = 0; i < pixels.Length; i++)
        {
            pixels[i] = i % 2 == 0 ? (byte)0 : (byte)255;
        }
        Assert.All(Decode(Png(pixels, 1024, 1024), 32), p => Assert.InRange(p, 125, 130));
    }

    /// <summary>Sides that no divisor divides: what the codec rounds up must not move the picture.</summary>
    [Theory]
    [InlineData(2407, 1801, 24, Fit.Crop)]   // at 1/8
    [InlineData(1801, 2407, 50, Fit.Crop)]   // at 1/4
    [InlineData(2403, 1805, 100, Fit.Crop)]   // at 1/2
    [InlineData(901, 4803, 60, Fit.Pad)]   // at 1/8, as the long side counts; a crop would need all of the short one
    [InlineData(2407, 1801, 24, Fit.Stretch)]   // at 1/8
    public void A_large_jpeg_reduced_by_the_codec_looks_as_the_whole_one(int width, int height, int size, Fit fit)
    {
        var pixels = new byte[3 * width * height];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (x, y, c) = (i % width, i / width % height, i / (width * height));
            pixels[i] = (byte)(128 + (100 * Math.Sign(Math.Sin(x * 0.011 * (c + 1)) * Math.Sin(y * 0.013))) + ((x * y) % 27));
        }
        var jpeg = Jpeg(pixels, width, height);
        using var bitmap = SkiaSharp.SKBitmap.Decode(jpeg);
        var whole = bitmap.Bytes.Chunk(4).ToArray();
        var isBgr = bitmap.ColorType == SkiaSharp.SKColorType.Bgra8888;
        for (var i = 0; i < pixels.Length; i++)
        {
            var c = i / whole.Length;
            pixels[i] = whole[i % whole.Length][isBgr ? 2 - c : c];
        }
        var differences = Decode(jpeg, size, fit).Zip(Decode(Png(pixels, width, height), size, fit), (a, b) => Math.Abs(a - b)).ToList();
        Assert.InRange(differences.Max(), 0, 3);
        Assert.InRange(differences.Average(), 0, 0.3);
    }

    [Fact]
    public void Resizing_agrees_with_the_definition_of_the_filter()
    {
        // 4 -> 2 in a row: the triangle of half width 2 around 1 and 3, by hand: taps at 0.5, 1.5, 2.5 weigh 3/4, 3/4, 1/4.
        byte[] row = [0, 100, 200, 40];
        var pixels = Enumerable.Repeat(row, 12).SelectMany(r => r).ToArray();   // 3 channels of 4 rows
        var resized = new byte[12];
        ImageDecoder.Resize(pixels, 4, 2, resized);
        var left = ((0.75 * 0) + (0.75 * 100) + (0.25 * 200)) / 1.75;
        var right = ((0.25 * 100) + (0.75 * 200) + (0.75 * 40)) / 1.75;
        Assert.Equal([(byte)Math.Round(left), (byte)Math.Round(right), (byte)Math.Round(left), (byte)Math.Round(right)], resized[..4]);
    }

    [Theory]
    [InlineData("47494638396101000100", "GIF file")]
    [InlineData("", "is empty")]
    [InlineData("FFD8", "is no image that is read (its first bytes are FFD8; expected JPEG, ")]
    [InlineData("FFD8FFE000104A464946", "JPEG file")]
    [InlineData("89504E470D0A1A0A0000000D", "PNG file")]
    public void What_is_no_image_is_refused(string bytes, string reason) =>
        Assert.Contains(reason, Assert.Throws<DataException>(() => Decode(Convert.FromHexString(bytes), 32)).Message);

    [Fact]
    public void A_truncated_image_is_refused()
    {
        var jpeg = Jpeg(Planar(1, 64, 64), 64, 64);
        var png = Png(Planar(1, 64, 64), 64, 64);
        Assert.Contains("ends too early", Assert.Throws<DataException>(() => Decode(jpeg[..(jpeg.Length / 2)], 32)).Message);
        Assert.Contains("ends too early", Assert.Throws<DataException>(() => Decode(png[..(png.Length / 2)], 32)).Message);
    }

    [Fact]
    public void A_huge_declared_size_is_refused_before_it_is_allocated()
    {
        var png = Png(PngColour.Grey, 8, 60_000, 60_000, [[0]]);
        var before = GC.GetTotalAllocatedBytes();
        var error = Assert.Throws<DataException>(() => Decode(png, 32));
        Assert.Contains("60000 x 60000", error.Message);
        Assert.Contains("100 megapixels", error.Message);
    }

    [Fact]
    public void Any_damage_ends_in_pixels_or_in_the_one_error()
    {
        var files = new[] { Png(Smooth(32, 32)), Jpeg(Smooth(32, 32), 32, 32) };
        using var decoder = new ImageDecoder();
        var pixels = new byte[3 * 32 * 32];
        Gen.Select(Gen.Int[0, 1], Gen.Select(Gen.Int[0, 100_000], Gen.Byte).Array[1, 8]).ForEachCase((which, damage) =>
        {
            var file = files[which].ToArray();
            foreach (var (at, value) in damage)
            {
                file[at % file.Length] = value;
            }
            try
            {
                decoder.Decode(file, 32, pixels);
            }
            catch (DataException)
            {
            }
        }, cases: 1000);
    }

    [Fact]
    public void A_decoder_used_again_gives_the_same_as_a_fresh_one()
    {
        using var decoder = new ImageDecoder();
        var pixels = new byte[3 * 32 * 32];
        foreach (var file in new[] { Jpeg(Smooth(300, 200), 300, 200), Png(7), Jpeg(Smooth(32, 32), 32, 32), Png(Smooth(40, 90), 40, 90) })
        {
            decoder.Decode(file, 32, pixels);
            Assert.Equal(Decode(file, 32), pixels);
        }
    }

    private static byte[] Decode(byte[] file, int size, Fit fit = Fit.Crop)
    {
        var pixels = new byte[3 * size * size];
        using var decoder = new ImageDecoder { Fit = fit };
        decoder.Decode(file, size, pixels);
        return pixels;
    }
}
