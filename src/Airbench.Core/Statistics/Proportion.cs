using System.ComponentModel.DataAnnotations;

namespace Airbench;

/// <summary>A count of successes as a share, with what chance allows around it.</summary>
/// <param name="Correct">Successes.</param>
/// <param name="Accuracy">Their share, 0 to 1.</param>
/// <param name="Low95">Lower end of the 95% Wilson interval.</param>
/// <param name="High95">Upper end.</param>
public sealed record Proportion([property: Range(0, int.MaxValue)] int Correct, [property: Range(0.0, 1.0)] double Accuracy, [property: Range(0.0, 1.0)] double Low95, [property: Range(0.0, 1.0)] double High95)
{
    /// <summary>Of <paramref name="correct"/> among <paramref name="count"/>, at least 1.</summary>
    public static Proportion Of(int correct, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var interval = WilsonInterval(correct, count);
        return new Proportion(correct, (double)correct / count, interval[0], interval[1]);
    }

    /// <summary>Wilson score interval of a proportion, 95% by default (Wilson 1927).</summary>
    /// <returns>Lower and upper bound, 0 to 1; [0, 1] where nothing was tried.</returns>
    public static double[] WilsonInterval(int successes, int trials, double z = 1.959963984540054)
    {
        if (trials == 0)
        {
            return [0, 1];
        }
        var (n, p, zz) = ((double)trials, (double)successes / trials, z * z);
        var centre = (p + (zz / (2 * n))) / (1 + (zz / n));
        var half = z / (1 + (zz / n)) * Math.Sqrt((p * (1 - p) / n) + (zz / (4 * n * n)));
        // The bounds at 0 and n successes are exactly 0 and 1; rounding must not say otherwise.
        return [successes == 0 ? 0 : centre - half, successes == trials ? 1 : centre + half];
    }
}
