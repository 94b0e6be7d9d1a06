using System.Runtime.CompilerServices;

namespace Airbench.Training;

/// <summary>A symmetric distribution, for <see cref="Weighted{TDistribution}"/>.</summary>
internal interface IDistribution
{
    /// <summary>The probability above <paramref name="z"/>, which is at least 0, and the density there.</summary>
    static abstract TVector Tail<TSimd, TVector>(TVector z, out TVector density)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged;
}

/// <summary>Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: the error is at most 0.75e-7.</summary>
internal readonly struct Normal : IDistribution
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Tail<TSimd, TVector>(TVector z, out TVector density)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
    {
        const float p = 0.3275911f * 0.70710678f;   // for z / sqrt(2)
        var e = Exponential.Exp2<TSimd, TVector>(TSimd.Multiply(TSimd.Multiply(z, z), TSimd.All(-0.5f * 1.44269504f)));
        var t = TSimd.Divide(TSimd.All(1), TSimd.MultiplyAdd(z, TSimd.All(p), TSimd.All(1)));
        var sum = TSimd.All(0.5f * 1.061405429f);
        sum = TSimd.MultiplyAdd(sum, t, TSimd.All(0.5f * -1.453152027f));
        sum = TSimd.MultiplyAdd(sum, t, TSimd.All(0.5f * 1.421413741f));
        sum = TSimd.MultiplyAdd(sum, t, TSimd.All(0.5f * -0.284496736f));
        sum = TSimd.MultiplyAdd(sum, t, TSimd.All(0.5f * 0.254829592f));
        density = TSimd.Multiply(e, TSimd.All(0.39894228f));   // 1 / sqrt(2 pi)
        return TSimd.Multiply(TSimd.Multiply(sum, t), e);
    }
}

/// <summary>1 / (1 + e^-z).</summary>
internal readonly struct Logistic : IDistribution
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Tail<TSimd, TVector>(TVector z, out TVector density)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
    {
        var e = Exponential.Exp2<TSimd, TVector>(TSimd.Multiply(z, TSimd.All(-1.44269504f)));
        var below = TSimd.Divide(TSimd.All(1), TSimd.Add(TSimd.All(1), e));
        var tail = TSimd.Multiply(e, below);
        density = TSimd.Multiply(tail, below);
        return tail;
    }
}

/// <summary>The exponential that both distributions share.</summary>
internal static class Exponential
{
    /// <summary>2^x for x up to 0: the polynomial of the fraction, whose relative error is at most 1e-7, times the whole power.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Exp2<TSimd, TVector>(TVector x)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
    {
        var whole = TSimd.Round(x);
        var f = TSimd.Subtract(x, whole);   // -0.5 to 0.5
        var power = TSimd.All(1.3264727e-3f);
        power = TSimd.MultiplyAdd(power, f, TSimd.All(9.6715130e-3f));
        power = TSimd.MultiplyAdd(power, f, TSimd.All(5.5507336e-2f));
        power = TSimd.MultiplyAdd(power, f, TSimd.All(2.4022242e-1f));
        power = TSimd.MultiplyAdd(power, f, TSimd.All(6.9314700e-1f));
        power = TSimd.MultiplyAdd(power, f, TSimd.All(1));
        return TSimd.Scale(power, whole);
    }
}
