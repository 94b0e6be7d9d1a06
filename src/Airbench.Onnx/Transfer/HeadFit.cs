namespace Airbench.Onnx;

/// <summary>Fits a linear head to features, its penalty chosen by cross-validation on the same images.</summary>
/// <param name="classCount">Classes K.</param>
/// <param name="weights">Whether rare classes count as much as frequent ones.</param>
/// <param name="seed">Of the parts.</param>
internal sealed class HeadFit(int classCount, ClassWeights weights, int seed)
{
    /// <summary>Penalties to choose from, the largest first.</summary>
    public static IReadOnlyList<double> Penalties { get; } = [10, 3, 1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001];

    private const int Parts = 5;

    /// <summary>Largest element of the gradient at the end: of the head itself, and of those that only choose its penalty.</summary>
    private const double Tolerance = 1e-6, ChoosingTolerance = 1e-4;

    /// <summary>Images that choose the penalty: with more of them the choice is clear without the rest.</summary>
    private const int MostChoosing = 3000;

    /// <summary>The head, and the penalty that it was fitted with.</summary>
    /// <param name="table">At least one image.</param>
    /// <param name="labels">Class of each image.</param>
    /// <param name="cancel">Answered between iterations.</param>
    public (LinearHead Head, double L2) Fit(FeatureTable table, int[] labels, CancellationToken cancel)
    {
        var l2 = Choose(table, labels, cancel);
        var regression = Regression(table, labels);
        LinearHead? head = null;
        foreach (var penalty in Penalties.Where(penalty => penalty >= l2))
        {
            head = regression.Fit(penalty, Tolerance, cancel);   // each from the one before: faster than from zero
        }
        return (head!, l2);
    }

    /// <summary>The penalty of the least mean cross-entropy on images that were left out, by their class weights.</summary>
    private double Choose(FeatureTable table, int[] labels, CancellationToken cancel)
    {
        var random = new Random(seed);
        var images = Enumerable.Range(0, table.Images).ToArray();
        if (images.Length > MostChoosing)
        {
            random.Shuffle(images);
            images = images[..MostChoosing];
        }
        var chosen = Array.ConvertAll(images, image => labels[image]);
        var parts = Math.Min(Parts, images.Length);
        if (parts < 2)
        {
            return Penalties[0];
        }
        var fold = Folds.Stratified(chosen, parts, random);
        var classWeights = Weights(chosen);
        var losses = new double[Penalties.Count];
        for (var part = 0; part < parts; part++)
        {
            var (rest, left) = Folds.Split(fold, part);
            var regression = Regression(table.Of([.. rest.Select(i => images[i])]), [.. rest.Select(i => chosen[i])]);
            var judged = table.Of([.. left.Select(i => images[i])]);
            for (var i = 0; i < losses.Length; i++)
            {
                var logits = regression.Fit(Penalties[i], ChoosingTolerance, cancel).Answer(judged);
                for (var j = 0; j < left.Length; j++)
                {
                    var label = chosen[left[j]];
                    losses[i] -= classWeights[label] * Softmax.LogProbability<double>(logits.AsSpan(j * classCount, classCount), label);
                }
            }
        }
        return Penalties[Array.IndexOf(losses, losses.Min())];
    }

    private LogisticRegression Regression(FeatureTable table, int[] labels) => new(table, labels, Weights(labels));

    /// <summary>Balanced: images / (classes * images of the class). A class without images has 1; nothing reads it.</summary>
    public double[] Weights(int[] labels)
    {
        if (weights == ClassWeights.None)
        {
            return [.. Enumerable.Repeat(1.0, classCount)];
        }
        var counts = new int[classCount];
        foreach (var label in labels)
        {
            counts[label]++;
        }
        var present = counts.Count(count => count > 0);
        return Array.ConvertAll(counts, count => count == 0 ? 1 : (double)labels.Length / (present * count));
    }
}
