using System.Security.Cryptography;
using Airbench.Data;
using CsCheck;

namespace Airbench.Tests;

public class SyntheticImagesTests
{
    [Fact]
    public void The_pixels_are_the_same_on_every_machine()
    {
        using var pixels = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var split in new[] { Split.Train, Split.Test })
        {
            for (var i = 0; i < 200; i++)
            {
                pixels.AppendData(Draw(1, split, i));
            }
        }
        // Recorded once. A change of this value is a change of the data set: every accuracy measured on it is void.
        const string recorded = "abb24eeb136a54aaf7444c7716182fecd2d838dde096a94f8ff5be2bea8d2af0";
        Assert.Equal(recorded, Convert.ToHexStringLower(pixels.GetHashAndReset()));
    }

    [Fact]
    public void Any_seed_split_and_index_give_one_image_and_its_label_whatever_was_drawn_before() =>
        Gen.Select(Gen.Int, Gen.Enum<Split>(), Gen.Int[0, int.MaxValue]).ForEachCase((seed, split, index) =>
        {
            var first = new byte[SyntheticImages.ImageBytes];
            var label = SyntheticImages.Draw(seed, split, index, first);
            Draw(seed + 1, split, index);
            Assert.Equal(first, Draw(seed, split, index));
            Assert.Equal(index % 10, label);
            Assert.Equal(label, SyntheticImages.Label(index));
        }, cases: 200);

    [Fact]
    public void Ten_images_in_a_row_hold_each_class_once()
    {
        Assert.Equal(10, SyntheticImages.Classes.Distinct().Count());
        var image = new byte[SyntheticImages.ImageBytes];
        var labels = Enumerable.Range(730, 10).Select(i => SyntheticImages.Draw(1, Split.Train, i, image));
        Assert.Equal(Enumerable.Range(0, 10), labels.Order());
    }

    [Fact]
    public void No_image_occurs_twice_in_a_set_nor_in_its_other_split_nor_under_another_seed()
    {
        var seen = new HashSet<string>();
        foreach (var (seed, split) in new[] { (1, Split.Train), (1, Split.Test), (2, Split.Train), (-1, Split.Train) })
        {
            for (var i = 0; i < 1000; i++)
            {
                var hash = Convert.ToHexStringLower(SHA256.HashData(Draw(seed, split, i)));
                Assert.True(seen.Add(hash), $"seed {seed}, {split} image {i} occurs twice");
            }
        }
    }

    [Theory]
    [InlineData(SyntheticImages.ImageBytes - 1)]
    [InlineData(SyntheticImages.ImageBytes + 1)]
    public void A_span_of_another_length_is_refused_with_both_lengths(int length)
    {
        var error = Assert.Throws<ArgumentException>(() => SyntheticImages.Draw(1, Split.Train, 0, new byte[length]));
        Assert.Contains($"holds {length} bytes; expected 3072", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_negative_index_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => SyntheticImages.Draw(1, Split.Train, -1, new byte[SyntheticImages.ImageBytes]));

    [Fact]
    public void Every_class_is_its_own_mirror_image_so_a_flip_keeps_the_label()
    {
        // 1/256 pixel units; the tolerance covers rounding towards minus infinity on both sides.
        const int tolerance = 3;
        foreach (var kind in FigureKind.All)
        {
            var (acrossX, acrossY) = (0, 0);
            foreach (var (x, y) in Grid(step: 97))
            {
                var depth = kind.Depth(1900, 1300, x, y);
                acrossX = Math.Max(acrossX, Math.Abs(depth - kind.Depth(1900, 1300, -x, y)));
                acrossY = Math.Max(acrossY, Math.Abs(depth - kind.Depth(1900, 1300, x, -y)));
            }
            Assert.True(Math.Min(acrossX, acrossY) <= tolerance, $"{kind.Name} differs from its mirror image by {acrossX} and {acrossY}");
        }
    }

    [Fact]
    public void Every_class_covers_the_same_area_so_that_area_tells_nothing()
    {
        // Each figure is drawn to cover 100 pixels; edges and the few periods of a texture leave some percent.
        foreach (var kind in FigureKind.All)
        {
            var areas = Figures(kind, 100 * 256, 100 * 256, 0).Select(figure => Area(figure, halfWidth: 30)).ToArray();
            Assert.InRange(areas.Average(), 96, 104);
        }
    }

    [Fact]
    public void A_shift_by_two_pixels_leaves_the_figure_in_the_picture()
    {
        foreach (var kind in FigureKind.All)
        {
            foreach (var figure in Figures(kind, SyntheticImages.SmallestArea, SyntheticImages.LargestArea, SyntheticImages.LargestShift))
            {
                var kept = Area(figure, halfWidth: 14) / Area(figure, halfWidth: 40);
                Assert.True(kept > 0.75, $"a {kind.Name} keeps {kept:P0} of its area");
            }
        }
    }

    private static byte[] Draw(int seed, Split split, int index)
    {
        var image = new byte[SyntheticImages.ImageBytes];
        SyntheticImages.Draw(seed, split, index, image);
        return image;
    }

    private static IEnumerable<Figure> Figures(FigureKind kind, int smallestArea, int largestArea, int largestShift)
    {
        for (var i = 0; i < 200; i++)
        {
            var random = new RandomStream(5, 0, i);
            yield return new Figure(kind, ref random, smallestArea, largestArea, largestShift);
        }
    }

    /// <summary>Pixels that the figure covers within <paramref name="halfWidth"/> pixels of the middle, by four samples each.</summary>
    private static double Area(Figure figure, int halfWidth)
    {
        var inside = 0;
        for (var y = -halfWidth * 256; y < halfWidth * 256; y += 128)
        {
            for (var x = -halfWidth * 256; x < halfWidth * 256; x += 128)
            {
                inside += figure.Depth(x + 64, y + 64) > 0 ? 1 : 0;
            }
        }
        return inside / 4.0;
    }

    private static IEnumerable<(int X, int Y)> Grid(int step)
    {
        for (var y = -3000; y <= 3000; y += step)
        {
            for (var x = -3000; x <= 3000; x += step)
            {
                yield return (x, y);
            }
        }
    }
}
