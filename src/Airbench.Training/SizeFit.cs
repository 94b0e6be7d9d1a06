namespace Airbench.Training;

/// <summary>
/// What a recipe, made for images of 32 pixels, becomes for larger ones where nobody asked for something else: the images grow during the
/// training, as a step costs what its pixels cost, and random translation stays the same share of them. Measurements are in
/// docs/recipes.md, "Other image sizes".
/// </summary>
public static class SizeFit
{
    /// <summary>From this size on images start at half of it, which is at least what the recipes were made for.</summary>
    public const int Smallest = 2 * RecipeSize;

    private const int RecipeSize = 32;
    private const int LargestTranslation = NetworkSpec.MinImageSize - 1;   // what a recipe may have

    /// <summary>Hyperparameters that it chooses; one that was given is kept.</summary>
    public static IReadOnlyList<string> Keys { get; } = ["translate", "resolutions"];

    /// <summary>Shares of the full size, for as many epochs each.</summary>
    public static IReadOnlyList<double> Growing { get; } = [0.5, 0.75, 1];

    /// <summary>The recipe for images of <paramref name="imageSize"/> pixels.</summary>
    /// <param name="recipe">The recipe, changed as was asked for.</param>
    /// <param name="imageSize">Height and width, pixels.</param>
    /// <param name="given">What was asked for.</param>
    /// <param name="progress">Told what is different now.</param>
    internal static Recipe Apply(Recipe recipe, int imageSize, RecipeChanges given, IProgress progress)
    {
        if (imageSize < Smallest)
        {
            return recipe;
        }
        var fitted = recipe with
        {
            Translate = given.ContainsKey("translate") ? recipe.Translate : Translation(recipe.Translate, imageSize),
            Resolutions = given.ContainsKey("resolutions") || recipe.Resolutions is { Count: > 0 } ? recipe.Resolutions : Growing,
        };
        string[] changes =
        [
            .. fitted.Resolutions == recipe.Resolutions ? [] : (string[])[$"they grow during the training (resolutions: [{string.Join(", ", Growing.Select(share => FormattableString.Invariant($"{share}")))}])"],
            .. fitted.Translate == recipe.Translate ? [] : (string[])[$"random translation reaches {fitted.Translate} pixels for {recipe.Translate} (translate)"],
        ];
        if (changes.Length > 0)
        {
            progress.Info($"{recipe.Name} is made for images of {RecipeSize} pixels, and these have {imageSize}: {string.Join("; ", changes)}. A value of your own is kept.");
        }
        return fitted;
    }

    /// <summary>The same share of a larger image.</summary>
    public static int Translation(int translate, int imageSize) =>
        Math.Max(translate, Math.Min(LargestTranslation, (int)Math.Round((double)translate * imageSize / RecipeSize, MidpointRounding.AwayFromZero)));
}
