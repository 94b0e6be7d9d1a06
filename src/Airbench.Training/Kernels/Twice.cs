using System.Runtime.CompilerServices;

namespace Airbench.Training;

/// <summary>Two vectors that go through a kernel as one.</summary>
internal readonly struct Two<TVector>(TVector first, TVector second)
    where TVector : unmanaged
{
    public readonly TVector First = first, Second = second;
}

/// <summary>Vectors of twice the width, which are <see cref="Two{TVector}"/>.</summary>
internal readonly unsafe struct Twice<TSimd, TVector> : ISimd<Two<TVector>>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    public static int Lanes => 2 * TSimd.Lanes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Two<TVector> Load(float* from) => new(TSimd.Load(from), TSimd.Load(from + TSimd.Lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* to, Two<TVector> x)
    {
        TSimd.Store(to, x.First);
        TSimd.Store(to + TSimd.Lanes, x.Second);
    }

    public static void StoreFirst(float* to, Two<TVector> x, int count)
    {
        if (count < TSimd.Lanes)
        {
            TSimd.StoreFirst(to, x.First, count);
            return;
        }
        TSimd.Store(to, x.First);
        TSimd.StoreFirst(to + TSimd.Lanes, x.Second, count - TSimd.Lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Two<TVector> All(float x) => new(TSimd.All(x), TSimd.All(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Two<TVector> Add(Two<TVector> x, Two<TVector> y) => new(TSimd.Add(x.First, y.First), TSimd.Add(x.Second, y.Second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Two<TVector> Subtract(Two<TVector> x, Two<TVector> y) => new(TSimd.Subtract(x.First, y.First), TSimd.Subtract(x.Second, y.Second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Two<TVector> Multiply(Two<TVector> x, Two<TVector> y) => new(TSimd.Multiply(x.First, y.First), TSimd.Multiply(x.Second, y.Second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Two<TVector> MultiplyAdd(Two<TVector> x, Two<TVector> y, Two<TVector> z) => new(TSimd.MultiplyAdd(x.First, y.First, z.First), TSimd.MultiplyAdd(x.Second, y.Second, z.Second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Two<TVector> Divide(Two<TVector> x, Two<TVector> y) => new(TSimd.Divide(x.First, y.First), TSimd.Divide(x.Second, y.Second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Two<TVector> Abs(Two<TVector> x) => new(TSimd.Abs(x.First), TSimd.Abs(x.Second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Two<TVector> Max(Two<TVector> x, Two<TVector> y) => new(TSimd.Max(x.First, y.First), TSimd.Max(x.Second, y.Second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Two<TVector> Round(Two<TVector> x) => new(TSimd.Round(x.First), TSimd.Round(x.Second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Two<TVector> Scale(Two<TVector> x, Two<TVector> power) => new(TSimd.Scale(x.First, power.First), TSimd.Scale(x.Second, power.Second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Two<TVector> IsAbove(Two<TVector> x, Two<TVector> y) => new(TSimd.IsAbove(x.First, y.First), TSimd.IsAbove(x.Second, y.Second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Two<TVector> IsEqual(Two<TVector> x, Two<TVector> y) => new(TSimd.IsEqual(x.First, y.First), TSimd.IsEqual(x.Second, y.Second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Two<TVector> IsAboveOrNone(Two<TVector> x, Two<TVector> y) => new(TSimd.IsAboveOrNone(x.First, y.First), TSimd.IsAboveOrNone(x.Second, y.Second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Two<TVector> Select(Two<TVector> condition, Two<TVector> x, Two<TVector> y) => new(TSimd.Select(condition.First, x.First, y.First), TSimd.Select(condition.Second, x.Second, y.Second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddTo(double* sums, Two<TVector> x)
    {
        TSimd.AddTo(sums, x.First);
        TSimd.AddTo(sums + TSimd.Lanes, x.Second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Two<TVector> LoadBytes(byte* from) => new(TSimd.LoadBytes(from), TSimd.LoadBytes(from + TSimd.Lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(byte* to, Two<TVector> x)
    {
        TSimd.StoreBytes(to, x.First);
        TSimd.StoreBytes(to + TSimd.Lanes, x.Second);
    }
}
