namespace Airbench.Onnx;

/// <summary>What a model says of images that it did not learn, image for image.</summary>
/// <param name="Labels">Class of each image.</param>
/// <param name="Logits">float64 [n,K].</param>
/// <param name="Fold">The part that each image was in.</param>
internal sealed record OutOfFold(int[] Labels, double[] Logits, int[] Fold)
{
    /// <summary>Classes K.</summary>
    public int Classes => Logits.Length / Labels.Length;

    /// <summary>The best class of an image.</summary>
    public int Answer(int image) => Softmax.ArgMax<double>(Logits.AsSpan(image * Classes, Classes));

    /// <summary>Images whose best class is theirs.</summary>
    public int Correct => Enumerable.Range(0, Labels.Length).Count(i => Answer(i) == Labels[i]);

    /// <summary>Recall of each class; null for one without images.</summary>
    public double?[] Recalls()
    {
        var (hits, counts) = (new int[Classes], new int[Classes]);
        for (var i = 0; i < Labels.Length; i++)
        {
            counts[Labels[i]]++;
            hits[Labels[i]] += Answer(i) == Labels[i] ? 1 : 0;
        }
        return [.. hits.Zip(counts, (hit, count) => count == 0 ? (double?)null : (double)hit / count)];
    }
}

/// <summary>Divides images into parts and asks, for each part, a model that learned the others.</summary>
internal static class CrossValidator
{
    /// <summary>Learns some images and answers for others: logits, [n,K].</summary>
    public delegate double[] Learner(int[] learned, int[] asked, CancellationToken cancel);

    /// <summary>Runs all parts of all divisions.</summary>
    /// <param name="labels">Class of each image.</param>
    /// <param name="folds">Parts.</param>
    /// <param name="repeats">Divisions; division i is by the seed plus i.</param>
    /// <param name="seed">Of the first division.</param>
    /// <param name="learner">What is judged.</param>
    /// <param name="progress">Told of each part.</param>
    /// <param name="cancel">Given to the learner.</param>
    public static IReadOnlyList<OutOfFold> Run(int[] labels, int folds, int repeats, int seed, Learner learner, IProgress progress, CancellationToken cancel)
    {
        var divisions = new List<OutOfFold>();
        using var task = progress.Start("cross-validation", (long)folds * repeats, "trainings");
        for (var repeat = 0; repeat < repeats; repeat++)
        {
            var fold = Folds.Stratified(labels, folds, new Random(seed + repeat));
            double[]? logits = null;
            for (var part = 0; part < folds; part++)
            {
                var (rest, left) = Folds.Split(fold, part);
                var answers = learner(rest, left, cancel);
                var classes = answers.Length / left.Length;
                logits ??= new double[labels.Length * classes];
                for (var i = 0; i < left.Length; i++)
                {
                    answers.AsSpan(i * classes, classes).CopyTo(logits.AsSpan(left[i] * classes));
                }
                task.Report(((long)repeat * folds) + part + 1);
            }
            divisions.Add(new OutOfFold(labels, logits!, fold));
        }
        return divisions;
    }

    /// <summary>What they come to.</summary>
    public static CrossValidation Summarize(IReadOnlyList<OutOfFold> divisions)
    {
        var (first, count) = (divisions[0], divisions[0].Labels.Length);
        var recalls = first.Recalls();
        return new CrossValidation(
            first.Fold.Max() + 1, divisions.Count, count, Proportion.Of(first.Correct, count), recalls.OfType<double>().Average(),
            [.. divisions.Select(division => (double)division.Correct / count)], recalls);
    }
}
