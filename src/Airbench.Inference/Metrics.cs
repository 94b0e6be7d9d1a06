namespace Airbench.Inference;

/// <summary>The numbers of an evaluation, as pure functions.</summary>
public static class Metrics
{
    /// <summary>Bins of <see cref="CalibrationError"/>.</summary>
    public const int CalibrationBins = 15;

    /// <summary>Rows are true classes, columns predicted ones; [K,K] counts.</summary>
    public static int[,] Confusion(ReadOnlySpan<long> labels, ReadOnlySpan<int> predicted, int classCount)
    {
        var counts = new int[classCount, classCount];
        for (var i = 0; i < labels.Length; i++)
        {
            counts[labels[i], predicted[i]]++;
        }
        return counts;
    }

    /// <summary>Precision, recall and F1 of each class, in label order; a ratio without a denominator is null.</summary>
    public static IReadOnlyList<ClassMetrics> PerClass(int[,] confusion, IReadOnlyList<string> names)
    {
        var result = new ClassMetrics[names.Count];
        for (var k = 0; k < names.Count; k++)
        {
            var (actual, predicted, hits) = (0, 0, confusion[k, k]);
            for (var other = 0; other < names.Count; other++)
            {
                actual += confusion[k, other];
                predicted += confusion[other, k];
            }
            result[k] = new ClassMetrics(
                names[k], actual, Ratio(hits, predicted), Ratio(hits, actual), Ratio(2 * hits, actual + predicted));
        }
        return result;
    }

    /// <summary>Wilson score interval of a proportion, 95% by default (Wilson 1927).</summary>
    /// <returns>Lower and upper bound, 0 to 1; [0, 1] where nothing was tried.</returns>
    public static double[] WilsonInterval(int successes, int trials, double z = 1.959963984540054) =>
        Proportion.WilsonInterval(successes, trials, z);

    /// <summary>
    /// Expected calibration error: |accuracy - mean confidence| over <see cref="CalibrationBins"/> equal-width bins (low, high],
    /// weighted by their share of the images (Guo et al. 2017, arXiv:1706.04599).
    /// </summary>
    public static double CalibrationError(ReadOnlySpan<double> confidence, ReadOnlySpan<bool> correct)
    {
        Span<double> gap = stackalloc double[CalibrationBins];   // sum of (correct - confidence) in each bin
        for (var i = 0; i < confidence.Length; i++)
        {
            var bin = Math.Clamp((int)Math.Ceiling(confidence[i] * CalibrationBins) - 1, 0, CalibrationBins - 1);
            gap[bin] += (correct[i] ? 1 : 0) - confidence[i];
        }
        var sum = 0.0;
        foreach (var g in gap)
        {
            sum += Math.Abs(g);
        }
        return confidence.Length == 0 ? 0 : sum / confidence.Length;
    }

    private static double? Ratio(int numerator, int denominator) => denominator == 0 ? null : (double)numerator / denominator;
}
