namespace Airbench.Training;

/// <summary>
/// A batch has to fit the training set, several times over where nobody asked for its size: one or two steps an epoch learn next to
/// nothing in the usual number of epochs. A smaller batch keeps its meaning, since the hyperparameters are per example.
/// </summary>
internal static class BatchFit
{
    private const int FewestBatches = 4;     // of the recipe's own size, in an epoch
    private const int SmallSetBatches = 8;   // in an epoch of a set that has fewer

    /// <summary>The recipe, with a smaller batch where the training set is too small for its own.</summary>
    /// <param name="recipe">The recipe, with its batch.</param>
    /// <param name="trainCount">Training images.</param>
    /// <param name="imageSize">Their height and width, pixels.</param>
    /// <param name="isAskedFor">Whether the user gave the batch size.</param>
    /// <param name="progress">Told about another batch.</param>
    /// <exception cref="DataException">There are fewer than two images.</exception>
    public static Recipe Apply(Recipe recipe, int trainCount, int imageSize, bool isAskedFor, IProgress progress)
    {
        if (trainCount < 2)
        {
            throw new DataException($"the training split has {trainCount} images; expected at least 2");
        }
        if (trainCount / recipe.BatchSize >= (isAskedFor ? 1 : FewestBatches))
        {
            return recipe;
        }
        var batch = Math.Max(2, trainCount / SmallSetBatches);
        if (imageSize >= LargerImages.Smallest)
        {
            batch = Math.Min(batch, Math.Max(LargerImages.SmallestBatch, trainCount / LargerImages.StepsPerEpoch));
        }
        var why = trainCount < recipe.BatchSize
            ? $"{trainCount} training images are fewer than the batch of {recipe.BatchSize}"
            : $"{trainCount} training images hold only {Counted.Of(trainCount / recipe.BatchSize, "batch")} of {recipe.BatchSize}";
        progress.Warn($"{why}: using batches of {batch}. " +
            FormattableString.Invariant($"In {recipe.Epochs} epochs the network sees only {recipe.Epochs * trainCount:0} images; ") +
            "more epochs (--set train.with.epochs=...) will likely help.");
        return recipe with { BatchSize = batch };
    }
}
