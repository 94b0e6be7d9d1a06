namespace Airbench;

/// <summary>
/// Student's t distribution, for intervals and tests of a mean from few runs. Degrees of freedom are any positive number, also
/// fractions (Welch). Absolute error under 1e-10.
/// </summary>
public static class StudentT
{
    // Coefficients of Lanczos' approximation of the gamma function for g = 7 (relative error under 1e-14).
    private const double LanczosG = 7;

    private static readonly double[] Lanczos =
    [
        0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
        12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
    ];

    /// <summary>P(T >= <paramref name="t"/>).</summary>
    /// <param name="t">Any number.</param>
    /// <param name="degrees">Degrees of freedom, above 0.</param>
    public static double UpperTail(double t, double degrees)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(degrees);
        var square = t * t;
        if (double.IsInfinity(square))
        {
            return t > 0 ? 0 : 1;
        }
        // Both arguments are computed directly: 1 - x would lose every digit where t is near 0.
        var tail = RegularizedBeta(degrees / 2, 0.5, degrees / (degrees + square), square / (degrees + square)) / 2;
        return t >= 0 ? tail : 1 - tail;
    }

    /// <summary>The t that T stays below with probability <paramref name="probability"/>.</summary>
    /// <param name="probability">Above 0, below 1.</param>
    /// <param name="degrees">Degrees of freedom, above 0.</param>
    public static double Quantile(double probability, double degrees)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(probability);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(probability, 1);
        if (probability < 0.5)
        {
            return -Quantile(1 - probability, degrees);
        }
        var (low, high) = (0.0, 1.0);
        while (UpperTail(high, degrees) > 1 - probability)
        {
            (low, high) = (high, 2 * high);
        }
        // The tail falls monotonically: halving ends when no number lies between the two.
        for (var middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2)
        {
            (low, high) = UpperTail(middle, degrees) > 1 - probability ? (middle, high) : (low, middle);
        }
        return high;
    }

    /// <summary>I_x(a, b), the regularized incomplete beta function; <paramref name="y"/> is 1 - x.</summary>
    private static double RegularizedBeta(double a, double b, double x, double y)
    {
        if (x <= 0 || y <= 0)
        {
            return x <= 0 ? 0 : 1;
        }
        var front = Math.Exp(LogGamma(a + b) - LogGamma(a) - LogGamma(b) + (a * Math.Log(x)) + (b * Math.Log(y)));
        // The fraction converges fast left of the mean; right of it the mirrored function is evaluated.
        return x < (a + 1) / (a + b + 2) ? front * BetaFraction(a, b, x) / a : 1 - (front * BetaFraction(b, a, y) / b);
    }

    /// <summary>The continued fraction of the incomplete beta function (DLMF 8.17.22) by Lentz's method.</summary>
    private static double BetaFraction(double a, double b, double x)
    {
        const double Tiny = 1e-300;
        const int Most = 100_000;   // about the root of the larger parameter is needed
        static double NotZero(double value) => Math.Abs(value) < Tiny ? Tiny : value;

        var c = 1.0;
        var d = 1 / NotZero(1 - ((a + b) * x / (a + 1)));
        var result = d;
        for (var m = 1; m <= Most; m++)
        {
            var even = m * (b - m) * x / ((a + (2 * m) - 1) * (a + (2 * m)));
            d = 1 / NotZero(1 + (even * d));
            c = NotZero(1 + (even / c));
            result *= c * d;
            var odd = -(a + m) * (a + b + m) * x / ((a + (2 * m)) * (a + (2 * m) + 1));
            d = 1 / NotZero(1 + (odd * d));
            c = NotZero(1 + (odd / c));
            result *= c * d;
            if (Math.Abs((c * d) - 1) < 1e-15)
            {
                return result;
            }
        }
        throw new ArithmeticException(FormattableString.Invariant($"the incomplete beta function of {a}, {b}, {x} does not converge"));
    }

    /// <summary>ln of the gamma function, for arguments of 1/2 and more or, by reflection, above 0.</summary>
    private static double LogGamma(double x)
    {
        if (x < 0.5)
        {
            return Math.Log(Math.PI / Math.Sin(Math.PI * x)) - LogGamma(1 - x);
        }
        var z = x - 1;
        var sum = Lanczos[0] + Enumerable.Range(1, Lanczos.Length - 1).Sum(i => Lanczos[i] / (z + i));
        var t = z + LanczosG + 0.5;
        return (0.5 * Math.Log(2 * Math.PI)) + ((z + 0.5) * Math.Log(t)) - t + Math.Log(sum);
    }
}
