using Airbench.Data;
using CsCheck;

namespace Airbench.Tests;

public sealed class ResamplerTests
{
    private static readonly Orientation[] All =
        [.. Enumerable.Range(0, 8).Select(i => new Orientation(Transpose: (i & 1) > 0, FlipX: (i & 2) > 0, FlipY: (i & 4) > 0))];

    private static readonly Gen<int> Side = Gen.Int[1, 40];

    [Fact]
    public void Turning_while_resizing_is_the_same_as_turning_first() =>
        Gen.Select(Side, Side, Gen.Int[4, 16], Gen.Int[0, 7], Gen.Int[0, 1000]).ForEachCase((width, height, size, which, seed) =>
        {
            var fit = (Fit)(seed % 3);
            var stored = TestImages.Planar(seed, width, height);
            var (turned, seenWidth, seenHeight) = Turn(stored, width, height, All[which]);

            var atOnce = Resize(stored, width, height, All[which], size, fit);
            var inSteps = Resize(turned, seenWidth, seenHeight, default, size, fit);

            // Floating-point sums run in another order, so a value on the edge of rounding may differ by one.
            Assert.All(atOnce.Zip(inSteps), p => Assert.InRange(p.First - p.Second, -1, 1));
        }, cases: 300);

    [Fact]
    public void Interleaved_and_planar_pixels_give_the_same() =>
        Gen.Select(Side, Side, Gen.Int[4, 16], Gen.Int[0, 1000]).ForEachCase((width, height, size, seed) =>
        {
            var planar = TestImages.Planar(seed, width, height);
            var rgba = new byte[4 * width * height];
            for (var i = 0; i < planar.Length; i++)
            {
                rgba[(4 * (i % (width * height))) + (i / (width * height))] = planar[i];
            }
            var interleaved = new Resampler.Layout(width, height, 4 * width, 4, 1);
            Assert.Equal(Resize(planar, width, height, default, size), Resize(rgba, interleaved, default, size, Fit.Crop));
        }, cases: 200);

    [Fact]
    public void An_extreme_strip_is_resized_from_its_centre()
    {
        var strip = new byte[3 * 100_000];
        strip.AsSpan().Fill(7);
        foreach (var fit in (Fit[])[Fit.Crop, Fit.Stretch])
        {
            Assert.All(Resize(strip, 1, 100_000, default, 32, fit), p => Assert.Equal(7, p));
            Assert.All(Resize(strip, 100_000, 1, default, 32, fit), p => Assert.Equal(7, p));
        }
        // A line of one pixel in the middle: margin -15.5, which rounds to the even -16.
        Assert.All(Resize(strip, 1, 100_000, default, 32, Fit.Pad).Index(), p => Assert.Equal(p.Index % 32 == 16 ? 7 : 0, p.Item));
        Assert.All(Resize(strip, 100_000, 1, default, 32, Fit.Pad).Index(), p => Assert.Equal(p.Index / 32 % 32 == 16 ? 7 : 0, p.Item));
    }

    /// <summary>The bytes that were made before there was a choice.</summary>
    [Fact]
    public void A_crop_gives_the_bytes_that_it_always_gave()
    {
        var pixels = Enumerable.Range(0, 3 * 50 * 31).Select(i => (byte)(((i * (i % 97) * 31) + (i * 7)) % 251)).ToArray();
        Assert.Equal(
            "11afd65678ac8db1389dae597319cad829de2f0a6162a33a623866343e544377",
            Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Resize(pixels, 50, 31, default, 16))));
    }

    [Fact]
    public void Every_fit_is_what_its_definition_says() =>
        Gen.Select(Side, Side, Gen.Int[4, 16], Gen.Enum<Fit>(), Gen.Int[0, 1000]).ForEachCase((width, height, size, fit, seed) =>
        {
            var pixels = TestImages.Planar(seed, width, height);
            var expected = Definition(pixels, width, height, size, fit);
            Assert.All(expected.Zip(Resize(pixels, width, height, default, size, fit)), p => Assert.InRange(p.Second - p.First, -0.501, 0.501));
        }, cases: 300);

    [Fact]
    public void Square_images_come_out_the_same_in_every_fit() =>
        Gen.Select(Side, Gen.Int[4, 16], Gen.Int[0, 1000]).ForEachCase((side, size, seed) =>
        {
            var pixels = TestImages.Planar(seed, side, side);
            var cropped = Resize(pixels, side, side, default, size);
            Assert.Equal(cropped, Resize(pixels, side, side, default, size, Fit.Pad));
            Assert.Equal(cropped, Resize(pixels, side, side, default, size, Fit.Stretch));
        }, cases: 100);

    [Fact]
    public void A_long_photo_keeps_its_ends_padded_or_stretched_and_loses_them_cropped()
    {
        // 113 columns of 200 on the left, 113 of 100 on the right, 50 between.
        const int Width = 1130, Height = 460, Size = 32;
        var pixels = new byte[3 * Width * Height];
        for (var i = 0; i < pixels.Length; i++)
        {
            pixels[i] = (byte)((i % Width) switch { < 113 => 200, >= Width - 113 => 100, _ => 50 });
        }

        var cropped = Resize(pixels, Width, Height, default, Size);
        Assert.All(cropped, p => Assert.Equal(50, p));

        var stretched = Resize(pixels, Width, Height, default, Size, Fit.Stretch);
        var padded = Resize(pixels, Width, Height, default, Size, Fit.Pad);
        for (var y = 0; y < Size; y++)
        {
            Assert.Equal((200, 50, 100), (stretched[y * Size], stretched[(y * Size) + 16], stretched[(y * Size) + 31]));
            // 32 * 460 / 1130 = 13 rows, from -round((13 - 32) / 2) = 10 on.
            Assert.Equal(y is >= 10 and < 23 ? (200, 50, 100) : (0, 0, 0), (padded[y * Size], padded[(y * Size) + 16], padded[(y * Size) + 31]));
        }
    }

    /// <summary>The definition in float64, not rounded: the whole image is resized, sample by sample, and then cut or put on black.</summary>
    private static double[] Definition(byte[] planar, int width, int height, int size, Fit fit)
    {
        int Scaled(int side) => fit switch
        {
            Fit.Crop => size * side / Math.Min(width, height),
            Fit.Pad => Math.Max(1, size * side / Math.Max(width, height)),
            _ => size,
        };
        var (scaledWidth, scaledHeight) = (Scaled(width), Scaled(height));
        var (left, top) = ((int)Math.Round((scaledWidth - size) / 2.0), (int)Math.Round((scaledHeight - size) / 2.0));
        var result = new double[3 * size * size];
        for (var i = 0; i < result.Length; i++)
        {
            var (c, x, y) = (i / (size * size), (i % size) + left, (i / size % size) + top);
            if (x < 0 || x >= scaledWidth || y < 0 || y >= scaledHeight)
            {
                continue;
            }
            var (across, down) = (Shares(width, scaledWidth, x), Shares(height, scaledHeight, y));
            for (var k = 0; k < width * height; k++)
            {
                result[i] += across[k % width] * down[k / width] * planar[(c * width * height) + k];
            }
        }
        return result;
    }

    private static double[] Shares(int length, int scaled, int place)
    {
        var (step, centre) = ((double)length / scaled, (place + 0.5) * length / scaled);
        var triangle = Enumerable.Range(0, length).Select(k => Math.Max(0, 1 - (Math.Abs(k + 0.5 - centre) / Math.Max(step, 1)))).ToArray();
        return Array.ConvertAll(triangle, t => t / triangle.Sum());
    }

    private static byte[] Resize(byte[] planar, int width, int height, Orientation orientation, int size, Fit fit = Fit.Crop) =>
        Resize(planar, new Resampler.Layout(width, height, width, 1, width * height), orientation, size, fit);

    private static unsafe byte[] Resize(byte[] source, Resampler.Layout layout, Orientation orientation, int size, Fit fit)
    {
        var result = new byte[3 * size * size];
        fixed (byte* start = source)
        {
            Resampler.Resize(start, layout, orientation, fit, size, result);
        }
        return result;
    }

    private static (byte[] Pixels, int Width, int Height) Turn(byte[] stored, int width, int height, Orientation orientation)
    {
        var (seenWidth, seenHeight) = orientation.Transpose ? (height, width) : (width, height);
        var turned = new byte[stored.Length];
        for (var c = 0; c < 3; c++)
        {
            for (var y = 0; y < seenHeight; y++)
            {
                for (var x = 0; x < seenWidth; x++)
                {
                    var (u, v) = orientation.Transpose ? (y, x) : (x, y);
                    u = orientation.FlipX ? width - 1 - u : u;
                    v = orientation.FlipY ? height - 1 - v : v;
                    turned[(c * width * height) + (y * seenWidth) + x] = stored[(c * width * height) + (v * width) + u];
                }
            }
        }
        return (turned, seenWidth, seenHeight);
    }
}
