using System.Globalization;

namespace Airbench.Training;

/// <summary>
/// What suits images of twice the recipes' 32 pixels and more: fewer channels where the image is still large, images that grow during the
/// training, and translation by the same share of them. Together with more epochs that learned three sets at least as well in less time;
/// at the recipe's own widths and epochs it gained nothing, so a training does not change them by itself. See docs/recipes.md,
/// "Other image sizes".
/// </summary>
public static class LargerImages
{
    /// <summary>From this size on: half of it is what the recipes are made for.</summary>
    public const int Smallest = 2 * RecipeSize;

    /// <summary>
    /// Steps that an epoch of a small set is to have. A small batch of larger images costs no more an image: 815 of 64 pixels gave 98.5% in
    /// batches of 16 and 96.7% in batches of 64, in the same time.
    /// </summary>
    public const int StepsPerEpoch = 32;

    /// <summary>Images that a batch has at least, which batch normalization wants.</summary>
    public const int SmallestBatch = 16;

    private const int RecipeSize = 32;
    private const int RecipeTranslation = 2;

    /// <summary>Shares of the image size, for a third of the epochs each.</summary>
    public static IReadOnlyList<double> Resolutions { get; } = [0.5, 0.75, 1];

    /// <summary>Half the recipe's channels in all groups but the last. An image that grows to 64 pixels then costs as much as one of 32 in airbench94.</summary>
    public static IReadOnlyList<int> Widths(Recipe recipe) => [.. recipe.Widths.SkipLast(1).Select(width => width / 2), recipe.Widths[^1]];

    /// <summary>Pixels of random translation: the recipe's share of a larger image, up to the most that a recipe may have.</summary>
    public static int Translate(int imageSize) => Math.Min(RecipeTranslation * imageSize / RecipeSize, NetworkSpec.MinImageSize - 1);

    /// <summary>What a training on such images could do; null where somebody chose already, or the images are small.</summary>
    /// <param name="recipe">As it will train.</param>
    /// <param name="network">Its network.</param>
    /// <param name="given">What was asked for.</param>
    internal static string? Hint(Recipe recipe, NetworkSpec network, RecipeChanges given)
    {
        if (network.ImageSize < Smallest || recipe.Architecture != Architecture.Airbench || recipe.Resolutions is not null || given.ContainsKey("widths"))
        {
            return null;
        }
        var (size, widths) = (network.ImageSize, Widths(recipe));
        double Cost(NetworkSpec spec) => (double)spec.ForwardFlops() / (network with { ImageSize = RecipeSize }).ForwardFlops();
        var narrow = Resolutions.Average(share => Cost(network with { ImageSize = (int)(share * size), Widths = widths }));
        var shares = string.Join(", ", Resolutions.Select(share => share.ToString(CultureInfo.InvariantCulture)));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"an image of {size} pixels costs {Cost(network):0.0} times as much as one of {RecipeSize}, which {recipe.Name} is made for; " +
            $"widths: [{string.Join(", ", widths)}], resolutions: [{shares}] and translate: {Translate(size)} make it {narrow:0.0} times, and leave time for more epochs");
    }
}
