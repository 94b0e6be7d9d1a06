using System.ComponentModel.DataAnnotations;

namespace Airbench;

/// <summary>Mean of a few runs and how far it can be trusted.</summary>
/// <param name="Count">Runs n.</param>
/// <param name="Mean">Their mean.</param>
/// <param name="StandardDeviation">Sample standard deviation (n - 1); null for a single run.</param>
/// <param name="Low95">Lower end of the 95% interval of the mean (Student's t); null for a single run.</param>
/// <param name="High95">Upper end.</param>
public sealed record Summary([property: Range(1, int.MaxValue)] int Count, double Mean, [property: Range(0, double.MaxValue)] double? StandardDeviation = null, double? Low95 = null, double? High95 = null)
{
    /// <summary>Summarizes at least one value.</summary>
    public static Summary Of(IReadOnlyList<double> values)
    {
        var mean = values.Average();
        if (values.Count == 1)
        {
            return new Summary(1, mean);
        }
        var deviation = Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1));
        var half = StudentT.Quantile(0.975, values.Count - 1) * deviation / Math.Sqrt(values.Count);
        return new Summary(values.Count, mean, deviation, mean - half, mean + half);
    }

    /// <summary>
    /// One-sided t-test of "the true mean is at least <paramref name="target"/>" against H0 "the true mean is below it": the probability
    /// of a sample mean as high as this one, or higher, if the true mean were just at the target, the best that H0 allows. A small
    /// value, by custom under 0.05, speaks for the claim; a large one does not refute it.
    /// </summary>
    /// <returns>Null where the spread is unknown: a single run, or runs that are all equal.</returns>
    public double? ProbabilityUnderTarget(double target) => StandardDeviation is > 0 and var deviation
        ? StudentT.UpperTail((Mean - target) * Math.Sqrt(Count) / deviation, Count - 1)
        : null;

    /// <summary>
    /// The smallest of <paramref name="sorted"/> (ascending, at least one) that the share <paramref name="share"/> (above 0, to 1) of
    /// them does not exceed: the nearest rank, always a value that was measured.
    /// </summary>
    public static double Percentile(IReadOnlyList<double> sorted, double share)
    {
        // A share such as 0.9 is not exact in binary: 0.9 * 10 must be rank 9, not 10.
        var rank = (int)Math.Ceiling((share * sorted.Count) - 1e-9);
        return sorted[Math.Clamp(rank, 1, sorted.Count) - 1];
    }
}
