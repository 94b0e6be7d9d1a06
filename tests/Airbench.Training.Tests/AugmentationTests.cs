using static TorchSharp.torch;

namespace Airbench.Tests;

/// <summary>The batches of an epoch: order, flips, crops, holes, colours and sizes.</summary>
public sealed class AugmentationTests : IDisposable
{
    private const int Count = ShownImages.Count;
    private readonly ShownImages _images = new();

    public void Dispose() => _images.Dispose();

    [Fact]
    public void Alternating_flip_shows_both_sides_of_every_image_in_any_two_consecutive_epochs()
    {
        using var images = DeviceImages.Load(_images.Split, _images.Spec, padding: 0, CPU);
        using var sampler = Sampler(images, Flip.Alternating, translate: 0);
        var sides = Enumerable.Range(0, 6).Select(epoch => Sides(sampler, epoch)).ToList();
        for (var epoch = 0; epoch + 1 < sides.Count; epoch++)
        {
            Assert.All(Enumerable.Range(0, Count), image => Assert.NotEqual(sides[epoch][image], sides[epoch + 1][image]));
        }
        Assert.InRange(sides[0].Count(flipped => flipped), Count / 5, Count * 4 / 5);   // one coin an image, not one for all
    }

    [Fact]
    public void Random_flip_is_drawn_anew_each_epoch()
    {
        using var images = DeviceImages.Load(_images.Split, _images.Spec, padding: 0, CPU);
        using var sampler = Sampler(images, Flip.Random, translate: 0);
        var (first, second) = (Sides(sampler, 0), Sides(sampler, 1));
        Assert.InRange(first.Zip(second).Count(pair => pair.First == pair.Second), Count / 5, Count * 4 / 5);
    }

    [Fact]
    public void Translation_is_a_crop_of_the_reflect_padded_image_and_every_crop_occurs()
    {
        const int translate = 2;
        using var images = DeviceImages.Load(_images.Split, _images.Spec, translate, CPU);
        using var sampler = Sampler(images, Flip.None, translate);
        var seen = new HashSet<(int, int)>();
        for (var epoch = 0; epoch < 4; epoch++)
        {
            sampler.Begin(epoch);
            var (batch, _) = sampler.Batch(0, Count, ScalarType.Float32);
            for (var i = 0; i < Count; i++)
            {
                seen.Add(_images.FindCrop(_images.Bytes(batch[i]), translate));
            }
        }
        Assert.Equal(25, seen.Count);   // 240 draws of 25: missing one has probability 25 * 0.96^240 = 0.1%; the seed is fixed
    }

    [Fact]
    public void An_epoch_shows_every_image_once_with_its_own_label()
    {
        using var images = DeviceImages.Load(_images.Split, _images.Spec, padding: 0, CPU);
        using var sampler = Sampler(images, Flip.None, translate: 0);
        sampler.Begin(0);
        var (batch, labels) = sampler.Batch(0, Count, ScalarType.Float32);
        var shown = Enumerable.Range(0, Count).Select(i => _images.Find(_images.Bytes(batch[i])).Image).ToList();
        Assert.Equal(Enumerable.Range(0, Count), shown.Order());
        Assert.NotEqual(Enumerable.Range(0, Count), shown);
        Assert.Equal(shown.Select(i => _images.Split.Labels[i]), labels.data<long>().ToArray());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(12)]
    [InlineData(32)]
    public void Cutout_clears_exactly_one_square_of_the_asked_size_at_many_places(int side)
    {
        using var images = DeviceImages.Load(_images.Split, _images.Spec, padding: 0, CPU);
        var recipe = Recipe.All["airbench94"] with { Flip = Flip.None, Translate = 0, Cutout = side };
        using var sampler = new EpochSampler(images, recipe, new Generator(1, CPU));
        using var plain = new EpochSampler(images, recipe with { Cutout = 0 }, new Generator(1, CPU));
        sampler.Begin(0);
        plain.Begin(0);   // the same draws come first, so the same images in the same order
        var (cut, _) = sampler.Batch(0, Count, ScalarType.Float32);
        var (whole, _) = plain.Batch(0, Count, ScalarType.Float32);
        var corners = new HashSet<(int, int)>();
        for (var i = 0; i < Count; i++)
        {
            var (zero, same) = (Mask(cut[i].eq(0).all(0)), Mask(cut[i].eq(whole[i]).all(0)));
            var first = Array.IndexOf(zero, true);
            var (top, left) = Math.DivRem(first, 32);
            corners.Add((top, left));
            Assert.InRange(top, 0, 32 - side);
            Assert.InRange(left, 0, 32 - side);
            for (var y = 0; y < 32; y++)
            {
                for (var x = 0; x < 32; x++)
                {
                    var inside = y >= top && y < top + side && x >= left && x < left + side;
                    Assert.True(inside ? zero[(y * 32) + x] : same[(y * 32) + x], $"image {i}, pixel ({y}, {x})");
                }
            }
        }
        Assert.True(side == 32 ? corners.Count == 1 : corners.Count > 20, $"{corners.Count} places");
    }

    [Fact]
    public void Colour_jitter_is_one_brightness_and_one_contrast_an_image_within_their_ranges()
    {
        using var images = DeviceImages.Load(_images.Split, _images.Spec, padding: 0, CPU);
        var recipe = Recipe.All["airbench94"] with { Flip = Flip.None, Translate = 0, ColorJitter = new ColorJitter(0.2, 0.3) };
        using var sampler = new EpochSampler(images, recipe, new Generator(1, CPU));
        using var plain = new EpochSampler(images, recipe with { ColorJitter = null }, new Generator(1, CPU));
        sampler.Begin(0);
        plain.Begin(0);
        var (jittered, _) = sampler.Batch(0, Count, ScalarType.Float32);
        var (whole, _) = plain.Batch(0, Count, ScalarType.Float32);
        var contrasts = new List<double>();
        for (var i = 0; i < Count; i++)
        {
            // y = (x + b) c: the spread gives c, the mean then b.
            var contrast = (jittered[i].std() / whole[i].std()).item<float>();
            var brightness = (jittered[i].mean() / contrast - whole[i].mean()).item<float>();
            Assert.InRange(contrast, 0.7 - 1e-4, 1.3 + 1e-4);
            Assert.InRange(brightness, -0.2 - 1e-4, 0.2 + 1e-4);
            Assert.Equal(0, (jittered[i] - ((whole[i] + brightness) * contrast)).abs().max().item<float>(), 1e-4);
            contrasts.Add(contrast);
        }
        Assert.True(contrasts.Max() - contrasts.Min() > 0.4, "contrast hardly varies");
    }

    [Fact]
    public void Chosen_examples_are_those_positions_of_the_batch()
    {
        using var images = DeviceImages.Load(_images.Split, _images.Spec, padding: 4, CPU);
        using var sampler = new EpochSampler(images, Recipe.All["airbench96"], new Generator(1, CPU));
        sampler.Begin(0);
        var (all, labels) = sampler.Batch(10, 20, ScalarType.Float32);
        var chosen = tensor(new long[] { 1, 7, 19 });
        var (some, theirs) = sampler.Batch(10, 20, ScalarType.Float32, chosen);
        Assert.Equal(0, (all.index_select(0, chosen) - some).abs().max().item<float>());
        Assert.Equal(labels.index_select(0, chosen).data<long>().ToArray(), theirs.data<long>().ToArray());
    }

    [Theory]
    [InlineData("airbench94", ScalarType.Float32)]
    [InlineData("airbench96", ScalarType.Float32)]   // with cutout: another path
    [InlineData("airbench94", ScalarType.BFloat16)]
    public void A_smaller_resolution_is_the_whole_augmented_scene_resized(string name, ScalarType type)
    {
        using var images = DeviceImages.Load(_images.Split, _images.Spec, padding: 4, CPU);
        var recipe = Recipe.All[name] with { Epochs = 4, Resolutions = [0.75, 0.875, 1] };
        using var sampler = new EpochSampler(images, recipe, new Generator(1, CPU));
        using var full = new EpochSampler(images, recipe with { Resolutions = null }, new Generator(1, CPU));
        for (var epoch = 0; epoch < 4; epoch++)
        {
            sampler.Begin(epoch);
            full.Begin(epoch);
            var size = new[] { 24, 24, 28, 32 }[epoch];
            var (small, labels) = sampler.Batch(0, Count, type);
            var (large, theirs) = full.Batch(0, Count, type);
            Assert.Equal([Count, 3L, size, size], small.shape);
            Assert.Equal(type, small.dtype);
            Assert.True(size == 32 || small.permute(0, 2, 3, 1).is_contiguous(), "not channels_last");
            Assert.Equal(theirs.data<long>().ToArray(), labels.data<long>().ToArray());
            // Bilinear between pixel centres, as a product with one matrix on each side: the border of the scene is in it.
            var weights = Bilinear(32, size);
            var expected = weights.matmul(large.to(ScalarType.Float32)).matmul(weights.t());
            Assert.InRange((small.to(ScalarType.Float32) - expected).abs().max().item<float>(), 0, type == ScalarType.Float32 ? 1e-5 : 0.02);
        }
    }

    [Fact]
    public void A_resolution_that_leaves_too_few_pixels_is_refused()
    {
        using var images = DeviceImages.Load(_images.Split, _images.Spec, padding: 4, CPU);
        var recipe = Recipe.All["airbench94"] with { Resolutions = [0.25, 1] };
        var error = Assert.Throws<ConfigurationException>(() => new EpochSampler(images, recipe, new Generator(1, CPU)));
        Assert.Equal("resolutions: 0.25 of 32 pixels; expected a share that leaves at least 16 pixels", error.Message);
    }

    [Fact]
    public void An_epoch_drawn_ahead_is_the_epoch_that_would_have_been_drawn()
    {
        using var images = DeviceImages.Load(_images.Split, _images.Spec, padding: 4, CPU);
        var recipe = Recipe.All["airbench96"] with { ColorJitter = new ColorJitter(0.2, 0.3) };
        using var sampler = new EpochSampler(images, recipe, new Generator(1, CPU));
        using var ahead = new EpochSampler(images, recipe, new Generator(1, CPU));
        for (var epoch = 0; epoch < 4; epoch++)
        {
            sampler.Begin(epoch);
            ahead.Begin(epoch);
            if (epoch != 1)
            {
                ahead.DrawAhead(epoch + 1);
                ahead.DrawAhead(epoch + 1);   // once is enough
            }
            AssertSame(sampler, ahead);
        }
    }

    [Fact]
    public void A_checkpoint_within_an_epoch_does_not_know_of_the_next_one_that_was_drawn_ahead()
    {
        using var images = DeviceImages.Load(_images.Split, _images.Spec, padding: 2, CPU);
        using var sampler = new EpochSampler(images, Recipe.All["airbench94"], new Generator(1, CPU));
        sampler.Begin(0);
        sampler.DrawAhead(1);
        var state = sampler.State.ToDictionary(entry => entry.Name, entry => entry.State.clone());
        using var resumed = new EpochSampler(images, Recipe.All["airbench94"], new Generator(7, CPU));
        resumed.Begin(0);
        resumed.DrawAhead(1);   // of another training
        resumed.Restore(state["sampler.first_flips"], state["sampler.generator"]);
        for (var epoch = 0; epoch < 3; epoch++)
        {
            resumed.Begin(epoch);
            AssertSame(sampler, resumed);
            sampler.Begin(epoch + 1);
        }
    }

    /// <summary>(to, from): each row has the one or two nearest pixel centres.</summary>
    private static Tensor Bilinear(int from, int to)
    {
        var weights = zeros(to, from);
        for (var i = 0; i < to; i++)
        {
            var place = Math.Max(0, ((i + 0.5) * from / to) - 0.5);
            var first = (int)place;
            var share = place - first;
            weights[i, first] = (float)(1 - share);
            if (first + 1 < from)
            {
                weights[i, first + 1] = (float)share;
            }
        }
        return weights;
    }

    private static void AssertSame(EpochSampler expected, EpochSampler found)
    {
        var (images, labels) = expected.Batch(0, Count, ScalarType.Float32);
        var (theirs, theirLabels) = found.Batch(0, Count, ScalarType.Float32);
        Assert.Equal(0, (images - theirs).abs().max().item<float>());
        Assert.Equal(labels.data<long>().ToArray(), theirLabels.data<long>().ToArray());
    }

    private static bool[] Mask(Tensor mask) => mask.contiguous().data<bool>().ToArray();

    private static EpochSampler Sampler(DeviceImages images, Flip flip, int translate) =>
        new(images, Recipe.All["airbench94"] with { Flip = flip, Translate = translate }, new Generator(1, CPU));

    /// <summary>Whether each image is mirrored in this epoch.</summary>
    private bool[] Sides(EpochSampler sampler, int epoch)
    {
        sampler.Begin(epoch);
        var (batch, _) = sampler.Batch(0, Count, ScalarType.Float32);
        var sides = new bool[Count];
        for (var i = 0; i < Count; i++)
        {
            var (image, flipped) = _images.Find(_images.Bytes(batch[i]));
            sides[image] = flipped;
        }
        return sides;
    }
}
