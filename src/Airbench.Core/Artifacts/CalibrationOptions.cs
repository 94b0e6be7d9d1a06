using System.ComponentModel;

namespace Airbench;

/// <summary>How the range of an activation is chosen from its values on training images.</summary>
public enum CalibrationMethod
{
    /// <summary>From the smallest value to the largest.</summary>
    Minmax,

    /// <summary>The central share of the values; the few beyond saturate.</summary>
    Percentile,

    /// <summary>The range that loses the least information by Kullback-Leibler divergence.</summary>
    Entropy,
}

/// <summary>Options of the calibration behind an int8 model.</summary>
public sealed record CalibrationOptions
{
    /// <summary>Choice of ranges.</summary>
    [Description("How activation ranges are chosen: minmax, percentile or entropy.")]
    public CalibrationMethod Method { get; init; } = CalibrationMethod.Percentile;

    /// <summary>Training images to run.</summary>
    [Description("Training images that the ranges come from, 1 to 100000; at most half of the training split is taken.")]
    public int Images { get; init; } = 512;

    /// <summary>Share kept by <see cref="CalibrationMethod.Percentile"/>, percent.</summary>
    [Description("With method: percentile, the share of values inside the range, percent, above 50 to 100.")]
    public double Percentile { get; init; } = 99.99;

    /// <summary>Problems of the values, as "key: found; expected".</summary>
    public static IEnumerable<string> Check(CalibrationOptions options)
    {
        if (options.Images is < 1 or > 100_000)
        {
            yield return FormattableString.Invariant($"calibration.images: {options.Images}; expected 1 to 100000");
        }
        if (options.Percentile is not (> 50 and <= 100))
        {
            yield return FormattableString.Invariant($"calibration.percentile: {options.Percentile}; expected above 50, to 100");
        }
    }
}
