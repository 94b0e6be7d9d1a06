using System.Runtime.CompilerServices;

namespace Airbench.Training;

/// <summary>Vectors in memory, by number.</summary>
internal interface IVectors<TVector>
{
    TVector this[int index] { get; set; }
}

/// <summary>Vectors at equal distances.</summary>
internal readonly unsafe struct Strided<TSimd, TVector>(float* first, long step) : IVectors<TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    public TVector this[int index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TSimd.Load(first + (index * step));
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        set => TSimd.Store(first + (index * step), value);
    }
}

/// <summary>One of the small matrices of F(4, 3), applied to vectors.</summary>
internal interface IWinogradTransform<TVector>
{
    static abstract void Apply<TFrom, TTo>(TFrom x, TTo y)
        where TFrom : struct, IVectors<TVector>
        where TTo : struct, IVectors<TVector>;
}

/// <summary>
/// Winograd's F(4, 3) along one axis: four outputs of a kernel of three taps with six products, y = A' ((G w) * (B' x)), and the transposed
/// matrices, which give the gradients. Toom-Cook at 0, ±a, ±b and infinity.
/// </summary>
/// <remarks>
/// With ±3/4 and ±3/2 two-dimensional F(4, 3) loses twice what direct summation loses; with the usual ±1 and ±2 four times. The sums over
/// both signs of a point share their even and odd parts.
/// </remarks>
internal static class WinogradTransforms<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    private const float A = 0.75f, B = 1.5f, A2 = A * A, B2 = B * B, A3 = A2 * A, B3 = B2 * B;
    private const float Zero = 1 / (A2 * B2);                    // 1 over the product of the differences of this point to the others
    private const float OfA = 1 / (2 * A2 * (A2 - B2)), OfB = 1 / (2 * B2 * (B2 - A2));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Fma(float factor, TVector x, TVector y) => TSimd.MultiplyAdd(TSimd.All(factor), x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Times(float factor, TVector x) => TSimd.Multiply(TSimd.All(factor), x);

    /// <summary>B': six inputs to six factors.</summary>
    public readonly struct Inputs : IWinogradTransform<TVector>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply<TFrom, TTo>(TFrom x, TTo y)
            where TFrom : struct, IVectors<TVector>
            where TTo : struct, IVectors<TVector>
        {
            var (x0, x1, x2, x3, x4, x5) = (x[0], x[1], x[2], x[3], x[4], x[5]);
            y[0] = Fma(A2 * B2, x0, Fma(-(A2 + B2), x2, x4));
            var (even, odd) = (Fma(-B2, x2, x4), Fma(-B2, x1, x3));
            y[1] = Fma(A, odd, even);
            y[2] = Fma(-A, odd, even);
            (even, odd) = (Fma(-A2, x2, x4), Fma(-A2, x1, x3));
            y[3] = Fma(B, odd, even);
            y[4] = Fma(-B, odd, even);
            y[5] = Fma(A2 * B2, x1, Fma(-(A2 + B2), x3, x5));
        }
    }

    /// <summary>A': six products to four outputs.</summary>
    public readonly struct Outputs : IWinogradTransform<TVector>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply<TFrom, TTo>(TFrom x, TTo y)
            where TFrom : struct, IVectors<TVector>
            where TTo : struct, IVectors<TVector>
        {
            var (x1, x2, x3, x4) = (x[1], x[2], x[3], x[4]);
            var (evenA, oddA) = (TSimd.Add(x1, x2), TSimd.Subtract(x1, x2));
            var (evenB, oddB) = (TSimd.Add(x3, x4), TSimd.Subtract(x3, x4));
            y[0] = TSimd.Add(x[0], TSimd.Add(evenA, evenB));
            y[1] = Fma(A, oddA, Times(B, oddB));
            y[2] = Fma(A2, evenA, Times(B2, evenB));
            y[3] = TSimd.Add(x[5], Fma(A3, oddA, Times(B3, oddB)));
        }
    }

    /// <summary>A: gradients of four outputs to those of six products.</summary>
    public readonly struct OutputGradients : IWinogradTransform<TVector>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply<TFrom, TTo>(TFrom x, TTo y)
            where TFrom : struct, IVectors<TVector>
            where TTo : struct, IVectors<TVector>
        {
            var (x0, x1, x2, x3) = (x[0], x[1], x[2], x[3]);
            y[0] = x0;
            var (even, odd) = (Fma(A2, x2, x0), Fma(A2, x3, x1));
            y[1] = Fma(A, odd, even);
            y[2] = Fma(-A, odd, even);
            (even, odd) = (Fma(B2, x2, x0), Fma(B2, x3, x1));
            y[3] = Fma(B, odd, even);
            y[4] = Fma(-B, odd, even);
            y[5] = x3;
        }
    }

    /// <summary>G: a kernel of three taps to six factors.</summary>
    public readonly struct Kernels : IWinogradTransform<TVector>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply<TFrom, TTo>(TFrom x, TTo y)
            where TFrom : struct, IVectors<TVector>
            where TTo : struct, IVectors<TVector>
        {
            var (x0, x1, x2) = (x[0], x[1], x[2]);
            y[0] = Times(Zero, x0);
            var (even, odd) = (Times(OfA, Fma(A2, x2, x0)), Times(OfA * A, x1));
            y[1] = TSimd.Add(even, odd);
            y[2] = TSimd.Subtract(even, odd);
            (even, odd) = (Times(OfB, Fma(B2, x2, x0)), Times(OfB * B, x1));
            y[3] = TSimd.Add(even, odd);
            y[4] = TSimd.Subtract(even, odd);
            y[5] = x2;
        }
    }

    /// <summary>G': gradients of six factors to those of three taps.</summary>
    public readonly struct KernelGradients : IWinogradTransform<TVector>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Apply<TFrom, TTo>(TFrom x, TTo y)
            where TFrom : struct, IVectors<TVector>
            where TTo : struct, IVectors<TVector>
        {
            var (x1, x2, x3, x4) = (x[1], x[2], x[3], x[4]);
            var (evenA, oddA) = (Times(OfA, TSimd.Add(x1, x2)), Times(OfA * A, TSimd.Subtract(x1, x2)));
            var (evenB, oddB) = (Times(OfB, TSimd.Add(x3, x4)), Times(OfB * B, TSimd.Subtract(x3, x4)));
            y[0] = Fma(Zero, x[0], TSimd.Add(evenA, evenB));
            y[1] = TSimd.Add(oddA, oddB);
            y[2] = TSimd.Add(x[5], Fma(A2, evenA, Times(B2, evenB)));
        }
    }
}
