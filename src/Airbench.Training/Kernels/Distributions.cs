using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Airbench.Training;

/// <summary>
/// Both activations are z F(z), with F the distribution function of a symmetric distribution: normal for GELU, logistic for SiLU.
/// So f(z) = max(z, 0) - |z| tail(|z|), and f'(z) = F(z) + z density(z).
/// </summary>
internal interface IDistribution
{
    /// <summary>The probability above <paramref name="z"/>, which is at least 0, and the density there.</summary>
    static abstract Vector512<float> Tail(Vector512<float> z, out Vector512<float> density);
}

/// <summary>Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: the error is at most 0.75e-7.</summary>
internal readonly struct Normal : IDistribution
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Tail(Vector512<float> z, out Vector512<float> density)
    {
        const float p = 0.3275911f * 0.70710678f;   // for z / sqrt(2)
        var e = Exponential.Exp2(z * z * Vector512.Create(-0.5f * 1.44269504f));
        var t = Vector512<float>.One / Vector512.MultiplyAddEstimate(z, Vector512.Create(p), Vector512<float>.One);
        var sum = Vector512.Create(0.5f * 1.061405429f);
        sum = Vector512.MultiplyAddEstimate(sum, t, Vector512.Create(0.5f * -1.453152027f));
        sum = Vector512.MultiplyAddEstimate(sum, t, Vector512.Create(0.5f * 1.421413741f));
        sum = Vector512.MultiplyAddEstimate(sum, t, Vector512.Create(0.5f * -0.284496736f));
        sum = Vector512.MultiplyAddEstimate(sum, t, Vector512.Create(0.5f * 0.254829592f));
        density = e * Vector512.Create(0.39894228f);   // 1 / sqrt(2 pi)
        return sum * t * e;
    }
}

/// <summary>1 / (1 + e^-z).</summary>
internal readonly struct Logistic : IDistribution
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Tail(Vector512<float> z, out Vector512<float> density)
    {
        var e = Exponential.Exp2(z * Vector512.Create(-1.44269504f));
        var below = Vector512<float>.One / (Vector512<float>.One + e);
        var tail = e * below;
        density = tail * below;
        return tail;
    }
}

/// <summary>The exponential that both distributions share.</summary>
internal static class Exponential
{
    /// <summary>2^x for x up to 0: the polynomial of the fraction, whose relative error is at most 1e-7, times the whole power.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp2(Vector512<float> x)
    {
        var whole = Avx512F.RoundScale(x, 0);
        var f = x - whole;   // -0.5 to 0.5
        var power = Vector512.Create(1.3264727e-3f);
        power = Vector512.MultiplyAddEstimate(power, f, Vector512.Create(9.6715130e-3f));
        power = Vector512.MultiplyAddEstimate(power, f, Vector512.Create(5.5507336e-2f));
        power = Vector512.MultiplyAddEstimate(power, f, Vector512.Create(2.4022242e-1f));
        power = Vector512.MultiplyAddEstimate(power, f, Vector512.Create(6.9314700e-1f));
        power = Vector512.MultiplyAddEstimate(power, f, Vector512<float>.One);
        return Avx512F.Scale(power, whole);
    }
}
