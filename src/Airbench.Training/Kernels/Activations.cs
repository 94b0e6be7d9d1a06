using System.Runtime.CompilerServices;

namespace Airbench.Training;

/// <summary>An activation f and its derivative, in any width of vector.</summary>
internal interface IActivation
{
    static abstract TVector Of<TSimd, TVector>(TVector z)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged;

    static abstract TVector Slope<TSimd, TVector>(TVector z)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged;
}

/// <summary>
/// z F(z), with F the distribution function of a symmetric distribution: normal for GELU, logistic for SiLU.
/// So f(z) = max(z, 0) - |z| tail(|z|), and f'(z) = F(z) + z density(z).
/// </summary>
internal readonly struct Weighted<TDistribution> : IActivation
    where TDistribution : struct, IDistribution
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Of<TSimd, TVector>(TVector z)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
    {
        var magnitude = TSimd.Abs(z);
        var tail = TDistribution.Tail<TSimd, TVector>(magnitude, out _);
        return TSimd.Subtract(TSimd.Max(z, TSimd.All(0)), TSimd.Multiply(magnitude, tail));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Slope<TSimd, TVector>(TVector z)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
    {
        var tail = TDistribution.Tail<TSimd, TVector>(TSimd.Abs(z), out var density);
        var below = TSimd.Select(TSimd.IsAbove(TSimd.All(0), z), tail, TSimd.Subtract(TSimd.All(1), tail));
        return TSimd.MultiplyAdd(z, density, below);
    }
}

/// <summary>max(z, 0).</summary>
internal readonly struct Relu : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Of<TSimd, TVector>(TVector z)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged => TSimd.Max(TSimd.All(0), z);   // what is no number comes through

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Slope<TSimd, TVector>(TVector z)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged => TSimd.Select(TSimd.IsAbove(z, TSimd.All(0)), TSimd.All(1), TSimd.All(0));
}
