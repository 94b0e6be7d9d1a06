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
            var stored = TestImages.Planar(seed, width, height);
            var (turned, seenWidth, seenHeight) = Turn(stored, width, height, All[which]);

            var atOnce = Fit(stored, width, height, All[which], size);
            var inSteps = Fit(turned, seenWidth, seenHeight, default, size);

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
            Assert.Equal(Fit(planar, width, height, default, size), Fit(rgba, interleaved, default, size));
        }, cases: 200);

    [Fact]
    public void An_extreme_strip_is_resized_from_its_centre()
    {
        var strip = new byte[3 * 100_000];
        strip.AsSpan().Fill(7);
        Assert.All(Fit(strip, 1, 100_000, default, 32), p => Assert.Equal(7, p));
        Assert.All(Fit(strip, 100_000, 1, default, 32), p => Assert.Equal(7, p));
    }

    private static byte[] Fit(byte[] planar, int width, int height, Orientation orientation, int size) =>
        Fit(planar, new Resampler.Layout(width, height, width, 1, width * height), orientation, size);

    private static unsafe byte[] Fit(byte[] source, Resampler.Layout layout, Orientation orientation, int size)
    {
        var result = new byte[3 * size * size];
        fixed (byte* start = source)
        {
            Resampler.Fit(start, layout, orientation, size, result);
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
