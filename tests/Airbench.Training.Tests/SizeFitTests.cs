using Airbench.Training;
using CsCheck;

namespace Airbench.Tests;

/// <summary>What a recipe becomes for images that are larger than those it was made for.</summary>
public sealed class SizeFitTests
{
    [Theory]
    [InlineData(16, 2)]
    [InlineData(32, 2)]
    [InlineData(63, 2)]
    public void Up_to_twice_the_recipe_s_size_nothing_changes(int imageSize, int translate)
    {
        var (recipe, progress) = (Recipe.All["airbench94"], new Lines());
        Assert.Same(recipe, SizeFit.Apply(recipe, imageSize, RecipeChanges.None, progress));
        Assert.Equal(translate, recipe.Translate);
        Assert.Empty(progress.Infos);
    }

    [Theory]
    [InlineData(64, 4, new[] { 32, 48, 64 })]
    [InlineData(96, 6, new[] { 48, 72, 96 })]
    [InlineData(128, 8, new[] { 64, 96, 128 })]
    [InlineData(1024, 15, new[] { 512, 768, 1024 })]
    public void Larger_images_grow_and_are_shifted_by_the_same_share_which_is_said_once(int imageSize, int translate, int[] sizes)
    {
        var progress = new Lines();
        var recipe = new TrainOptions().ToRecipe(trainCount: 50_000, imageSize, progress);
        Assert.Equal(translate, recipe.Translate);
        Assert.Equal(sizes, Enumerable.Range(0, 10).Select(epoch => recipe.SizeIn(epoch, imageSize)).Distinct());
        var line = Assert.Single(progress.Infos);
        Assert.All([$"these have {imageSize}", "resolutions: [0.5, 0.75, 1]", $"{translate} pixels for 2 (translate)"], part => Assert.Contains(part, line, StringComparison.Ordinal));
        Assert.Equal(Recipe.All["airbench94"], recipe with { Translate = 2, Resolutions = null });
    }

    [Fact]
    public void What_was_asked_for_stays_even_where_it_is_the_recipe_s_own_value()
    {
        var progress = new Lines();
        var options = new TrainOptions().Giving(("translate", 2), ("resolutions", Array.Empty<double>()));
        var recipe = options.ToRecipe(trainCount: 50_000, imageSize: 128, progress);
        Assert.Equal((2, 128), (recipe.Translate, recipe.SizeIn(0, 128)));
        Assert.Empty(progress.Infos);
        Assert.Equal(["translate", "resolutions"], options.Kept());
    }

    [Fact]
    public void A_recipe_whose_images_grow_already_keeps_its_sizes()
    {
        var recipe = new TrainOptions { Recipe = "speedrun2026" }.ToRecipe(trainCount: 50_000, imageSize: 64, new Lines());
        Assert.Equal((Recipe.All["speedrun2026"].Resolutions, 4), (recipe.Resolutions, recipe.Translate));
    }

    [Fact]
    public void Whatever_the_size_and_the_recipe_every_epoch_has_images_that_the_network_takes_and_the_last_the_full_size() =>
        Gen.Select(Gen.Int[0, Recipe.All.Count - 1], Gen.Int[SizeFit.Smallest, NetworkSpec.MaxImageSize], Gen.Double[3, 120]).Sample((recipeIndex, size, epochs) =>
        {
            var recipe = new TrainOptions { Recipe = Recipe.All.Keys.ElementAt(recipeIndex) }.Giving(("epochs", epochs)).ToRecipe(trainCount: 50_000, size, IProgress.Silent);
            recipe.Validate();
            var sizes = Enumerable.Range(0, (int)Math.Ceiling(epochs)).Select(epoch => recipe.SizeIn(epoch, size)).ToList();
            Assert.Equal(size, sizes[^1]);
            Assert.Equal(sizes.Order(), sizes);
            Assert.All(sizes.Distinct(), side =>
            {
                var network = recipe.Network(side, 10, [0, 0, 0], [1, 1, 1]);
                network.Validate();
                Assert.All(network.SizedLayers(), layer => Assert.True(layer.Output.Elements > 0, layer.Layer.Name));
                Assert.InRange(side, recipe.Translate + 1, size);   // reflection cannot pad by more
            });
        }, iter: 200);
}
