namespace Airbench;

/// <summary>The numbers of an evaluation, as pure functions.</summary>
public static class Metrics
{
    /// <summary>Bins of <see cref="CalibrationError"/>.</summary>
    public const int CalibrationBins = 15;

    /// <summary>Precision, recall and F1 of each class, in label order; a ratio without a denominator is null.</summary>
    public static IReadOnlyList<ClassMetrics> PerClass(int[][] confusion, IReadOnlyList<string> names)
    {
        var result = new ClassMetrics[names.Count];
        for (var k = 0; k < names.Count; k++)
        {
            var (actual, predicted, hits) = (0, 0, confusion[k][k]);
            for (var other = 0; other < names.Count; other++)
            {
                actual += confusion[k][other];
                predicted += confusion[other][k];
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

    /// <summary>Bin of a confidence: equal widths (low, high].</summary>
    public static int CalibrationBin(double confidence) => Math.Clamp((int)Math.Ceiling(confidence * CalibrationBins) - 1, 0, CalibrationBins - 1);

    /// <summary>
    /// Expected calibration error: |accuracy - mean confidence| over <see cref="CalibrationBins"/> equal-width bins,
    /// weighted by their share of the images (Guo et al. 2017, arXiv:1706.04599).
    /// </summary>
    /// <param name="gaps">Sum of (1 if correct, else 0) - confidence in each bin.</param>
    /// <param name="count">Images.</param>
    public static double CalibrationError(IEnumerable<decimal> gaps, int count) => count == 0 ? 0 : (double)(gaps.Sum(Math.Abs) / count);

    /// <summary>
    /// 95% interval of the difference of two accuracies on the same images: Wald's with one added to either disagreement
    /// (Bonett and Price 2012, "Adjusted Wald confidence interval for a difference of binomial proportions based on paired data").
    /// </summary>
    /// <param name="onlyFirst">Images that only the first classifies correctly.</param>
    /// <param name="onlySecond">Images that only the second classifies correctly.</param>
    /// <param name="count">Images.</param>
    /// <returns>Ends of the interval of second minus first.</returns>
    public static double[] PairedInterval(int onlyFirst, int onlySecond, int count, double z = 1.959963984540054)
    {
        var (first, second, n) = ((onlyFirst + 1) / (count + 2.0), (onlySecond + 1) / (count + 2.0), count + 2.0);
        var (difference, half) = (second - first, z * Math.Sqrt((first + second - ((second - first) * (second - first))) / n));
        return [Math.Max(-1, difference - half), Math.Min(1, difference + half)];
    }

    /// <summary>
    /// 95% interval of the difference of two accuracies on different images: the hybrid of the two Wilson intervals (Newcombe 1998,
    /// "Interval estimation for the difference between independent proportions", method 10).
    /// </summary>
    /// <returns>Ends of the interval of second minus first.</returns>
    public static double[] UnpairedInterval(int correctFirst, int countFirst, int correctSecond, int countSecond)
    {
        var (first, second) = (WilsonInterval(correctFirst, countFirst), WilsonInterval(correctSecond, countSecond));
        var (a, b) = (Share(correctFirst, countFirst), Share(correctSecond, countSecond));
        return
        [
            b - a - Math.Sqrt(Square(b - second[0]) + Square(first[1] - a)),
            b - a + Math.Sqrt(Square(second[1] - b) + Square(a - first[0])),
        ];

        static double Share(int correct, int count) => count == 0 ? 0 : (double)correct / count;
        static double Square(double value) => value * value;
    }

    /// <summary>
    /// McNemar's test, two-sided and exact: the chance, where either disagreement were as likely as the other, of counts at least this uneven.
    /// </summary>
    public static double McNemar(int onlyFirst, int onlySecond)
    {
        var (n, few) = (onlyFirst + onlySecond, Math.Min(onlyFirst, onlySecond));
        if (2 * few >= n - 1)
        {
            return 1;   // as even as can be
        }
        // sum of C(n, k) / 2^n for k up to the smaller count, each term from the last
        var logTerm = -n * Math.Log(2);
        var sum = Math.Exp(logTerm);
        for (var k = 1; k <= few; k++)
        {
            logTerm += Math.Log((n - k + 1.0) / k);
            sum += Math.Exp(logTerm);
        }
        return Math.Min(1, 2 * sum);
    }

    private static double? Ratio(int numerator, int denominator) => denominator == 0 ? null : (double)numerator / denominator;
}
