namespace Airbench.Tests;

internal static class TrainOptionsExtensions
{
    /// <summary>The options with a change to the recipe that they stand for.</summary>
    public static T Changing<T>(this T options, Func<Recipe, Recipe> change) where T : TrainOptions =>
        (T)((TrainOptions)options with { Changes = RecipeChanges.Between(Recipe.All[options.Recipe], change(options.ToRecipe())) });

    /// <summary>The options with hyperparameters as a file gives them.</summary>
    public static TrainOptions Giving(this TrainOptions options, params (string Key, object Value)[] given) => options with
    {
        Changes = given.Aggregate(options.Changes, (changes, pair) => changes.With(pair.Key, pair.Value)),
    };
}
