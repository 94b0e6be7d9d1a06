namespace Airbench;

/// <summary>An estimate and its 95% interval.</summary>
/// <param name="Value">The estimate.</param>
/// <param name="Low95">Lower end; null where a side has a single value, which says nothing of its spread.</param>
/// <param name="High95">Upper end.</param>
public sealed record Estimate(double Value, double? Low95 = null, double? High95 = null)
{
    /// <summary>
    /// Mean of <paramref name="now"/> less mean of <paramref name="earlier"/>, with Welch's interval: the two may differ in spread and number.
    /// </summary>
    public static Estimate Difference(IReadOnlyList<double> now, IReadOnlyList<double> earlier)
    {
        var (a, b) = (Summary.Of(now), Summary.Of(earlier));
        var difference = a.Mean - b.Mean;
        if (a.StandardDeviation is not { } deviationA || b.StandardDeviation is not { } deviationB)
        {
            return new Estimate(difference);
        }
        var (varianceA, varianceB) = (deviationA * deviationA / a.Count, deviationB * deviationB / b.Count);
        var variance = varianceA + varianceB;
        if (variance <= 0)
        {
            return new Estimate(difference, difference, difference);
        }
        // Welch-Satterthwaite, in shares of the variance so that tiny ones do not underflow when squared.
        var (shareA, shareB) = (varianceA / variance, varianceB / variance);
        var degrees = 1 / ((shareA * shareA / (a.Count - 1)) + (shareB * shareB / (b.Count - 1)));
        var half = StudentT.Quantile(0.975, degrees) * Math.Sqrt(variance);
        return new Estimate(difference, difference - half, difference + half);
    }

    /// <summary>
    /// <paramref name="now"/> / <paramref name="earlier"/> of positive values: the ratio of geometric means, with Welch's interval on
    /// the logarithms.
    /// </summary>
    /// <remarks>
    /// Disturbances multiply a time rather than add to it and stretch it to one side, so its logarithm is closer to normal, and a
    /// difference of logarithms is a ratio. A bootstrap needs no such assumption, but covers far too little with the three to ten
    /// values that a benchmark has.
    /// </remarks>
    public static Estimate Ratio(IReadOnlyList<double> now, IReadOnlyList<double> earlier)
    {
        var logs = Difference([.. now.Select(Log)], [.. earlier.Select(Log)]);
        return new Estimate(Math.Exp(logs.Value), Exp(logs.Low95), Exp(logs.High95));

        static double Log(double value) => Math.Log(value);
        static double? Exp(double? value) => value is { } log ? Math.Exp(log) : null;
    }
}
