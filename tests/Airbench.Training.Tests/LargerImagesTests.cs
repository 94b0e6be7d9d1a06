using Airbench.Training;
using CsCheck;

namespace Airbench.Tests;

/// <summary>What is advised, and what init writes, for images larger than those that the recipes were made for.</summary>
public sealed class LargerImagesTests
{
    private static readonly string[] Names = [.. Recipe.All.Values.Where(recipe => recipe.Architecture == Architecture.Airbench).Select(recipe => recipe.Name)];

    [Theory]
    [InlineData(64, 4, new[] { 32, 48, 64 }, "4.5", "1.0")]
    [InlineData(96, 6, new[] { 48, 72, 96 }, "10.4", "2.4")]
    [InlineData(128, 8, new[] { 64, 96, 128 }, "18.8", "4.3")]
    public void A_training_says_what_larger_images_cost_and_what_would_suit_them(int imageSize, int translate, int[] sizes, string cost, string narrow)
    {
        var recipe = Recipe.All["airbench94"];
        var hint = Hint(recipe, imageSize);
        Assert.Equal(
            $"an image of {imageSize} pixels costs {cost} times as much as one of 32, which airbench94 is made for; widths: [32, 128, 256], " +
            $"resolutions: [0.5, 0.75, 1] and translate: {translate} make it {narrow} times, and leave time for more epochs", hint);
        var advised = Advised(recipe, imageSize);
        Assert.Equal(sizes, Enumerable.Range(0, 10).Select(epoch => advised.SizeIn(epoch, imageSize)).Distinct());
    }

    [Theory]
    [InlineData("airbench94", 63)]
    [InlineData("resnet18", 128)]        // of other layers
    [InlineData("speedrun2026", 128)]    // its images grow already
    public void Where_nothing_was_measured_nothing_is_said(string recipe, int imageSize) => Assert.Null(Hint(Recipe.All[recipe], imageSize));

    [Fact]
    public void Who_chose_widths_or_sizes_is_told_nothing()
    {
        foreach (var given in ((string, object)[])[("widths", new[] { 64, 256, 256 }), ("resolutions", Array.Empty<double>())])
        {
            var options = new TrainOptions().Giving(given);
            Assert.Null(LargerImages.Hint(options.ToRecipe(), Network(options.ToRecipe(), 128), options.Changes));
        }
    }

    [Fact]
    public void Whatever_the_size_the_recipe_and_the_epochs_all_images_fit_the_network_and_the_last_ones_have_the_full_size() =>
        Gen.Select(Gen.Int[0, Names.Length - 1], Gen.Int[LargerImages.Smallest, NetworkSpec.MaxImageSize], Gen.Double[2.1, 120]).Sample((i, size, epochs) =>
        {
            var recipe = Advised(Recipe.All[Names[i]], size) with { Epochs = epochs };
            recipe.Validate();
            var sizes = Enumerable.Range(0, (int)Math.Ceiling(epochs)).Select(epoch => recipe.SizeIn(epoch, size)).ToList();
            Assert.Equal(size, sizes[^1]);
            Assert.Equal(sizes.Order(), sizes);
            Assert.InRange(sizes[0], 32, size);
            Assert.All(sizes.Distinct(), side =>
            {
                var network = Network(recipe, side);
                network.Validate();
                Assert.All(network.SizedLayers(), layer => Assert.True(layer.Output.Elements > 0, layer.Layer.Name));
            });
        }, iter: 200);

    [Fact]
    public void A_training_on_growing_images_says_nothing_and_one_at_the_full_size_says_the_hint()
    {
        using var set = new TinySet(train: 16, test: 10, imageSize: 64);
        var options = new TrainOptions { Precision = Precision.Fp32, Threads = 2 }.Giving(("epochs", 1.0), ("batch_size", 8), ("tta", Tta.None));
        var (full, growing) = (new Lines(), new Lines());
        set.Train(options, progress: full);
        var model = set.Train(options.Giving(("resolutions", new[] { 0.5, 1 }), ("widths", new[] { 4, 8, 8 })), name: "growing", progress: growing);
        Assert.Single(full.Infos, line => line.StartsWith("an image of 64 pixels costs", StringComparison.Ordinal));
        Assert.DoesNotContain(growing.Infos, line => line.StartsWith("an image of", StringComparison.Ordinal));
        Assert.Equal([0.5, 1], model.Manifest.Recipe!.Resolutions);
    }

    private static Recipe Advised(Recipe recipe, int imageSize) => recipe with
    {
        Widths = LargerImages.Widths(recipe),
        Resolutions = LargerImages.Resolutions,
        Translate = LargerImages.Translate(imageSize),
    };

    private static string? Hint(Recipe recipe, int imageSize) => LargerImages.Hint(recipe, Network(recipe, imageSize), RecipeChanges.None);

    private static NetworkSpec Network(Recipe recipe, int imageSize) => recipe.Network(imageSize, 10, [0, 0, 0], [1, 1, 1]);
}
