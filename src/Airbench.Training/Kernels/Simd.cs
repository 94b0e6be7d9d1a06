using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Airbench.Training;

/// <summary>Vectors of fp32 of one width, so that a kernel is written once and compiled for AVX-512 and for AVX2.</summary>
/// <typeparam name="TVector">Its vectors.</typeparam>
internal unsafe interface ISimd<TVector>
    where TVector : unmanaged
{
    /// <summary>Numbers in a vector.</summary>
    static abstract int Lanes { get; }

    static abstract TVector Load(float* from);

    static abstract void Store(float* to, TVector x);

    /// <summary>Stores the first numbers of a vector: fewer than <see cref="Lanes"/>.</summary>
    static abstract void StoreFirst(float* to, TVector x, int count);

    /// <summary>The same number in all places.</summary>
    static abstract TVector All(float x);

    static abstract TVector Add(TVector x, TVector y);

    static abstract TVector Subtract(TVector x, TVector y);

    static abstract TVector Multiply(TVector x, TVector y);

    /// <summary>x y + z, rounded once.</summary>
    static abstract TVector MultiplyAdd(TVector x, TVector y, TVector z);

    static abstract TVector Divide(TVector x, TVector y);

    static abstract TVector Abs(TVector x);

    /// <summary>The larger of two numbers; y where one of them is none.</summary>
    static abstract TVector Max(TVector x, TVector y);

    /// <summary>The nearest whole number, of two the even one.</summary>
    static abstract TVector Round(TVector x);

    /// <summary>x 2^power, of x from 0.5 to 2 and a whole number up to 0; not below x 2^-125, or not below 0.</summary>
    static abstract TVector Scale(TVector x, TVector power);

    /// <summary>Where x is larger than y: all bits, for <see cref="Select"/>.</summary>
    static abstract TVector IsAbove(TVector x, TVector y);

    /// <summary>Where x equals y: all bits, for <see cref="Select"/>.</summary>
    static abstract TVector IsEqual(TVector x, TVector y);

    /// <summary>Where x is larger than y or no number: all bits, for <see cref="Select"/>.</summary>
    static abstract TVector IsAboveOrNone(TVector x, TVector y);

    /// <summary>x where the condition has all bits, y where it has none.</summary>
    static abstract TVector Select(TVector condition, TVector x, TVector y);

    /// <summary>Adds each number to a sum.</summary>
    static abstract void AddTo(double* sums, TVector x);

    /// <summary>Bytes, as numbers.</summary>
    static abstract TVector LoadBytes(byte* from);

    /// <summary>Whole numbers from 0 to 255, as bytes.</summary>
    static abstract void StoreBytes(byte* to, TVector x);
}

/// <summary>AVX-512: 16 numbers.</summary>
internal readonly unsafe struct Simd512 : ISimd<Vector512<float>>
{
    public static bool IsSupported => Avx512F.IsSupported;

    public static int Lanes => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* from) => Vector512.Load(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* to, Vector512<float> x) => x.Store(to);

    public static void StoreFirst(float* to, Vector512<float> x, int count)
    {
        if (count < 8)
        {
            Simd256.StoreFirst(to, x.GetLower(), count);
            return;
        }
        x.GetLower().Store(to);
        Simd256.StoreFirst(to + 8, x.GetUpper(), count - 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> All(float x) => Vector512.Create(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Add(Vector512<float> x, Vector512<float> y) => x + y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Subtract(Vector512<float> x, Vector512<float> y) => x - y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Multiply(Vector512<float> x, Vector512<float> y) => x * y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> MultiplyAdd(Vector512<float> x, Vector512<float> y, Vector512<float> z) => Avx512F.FusedMultiplyAdd(x, y, z);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Divide(Vector512<float> x, Vector512<float> y) => x / y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Abs(Vector512<float> x) => Vector512.Abs(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Max(Vector512<float> x, Vector512<float> y) => Avx512F.Max(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Round(Vector512<float> x) => Avx512F.RoundScale(x, 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Scale(Vector512<float> x, Vector512<float> power) => Avx512F.Scale(x, power);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> IsAbove(Vector512<float> x, Vector512<float> y) => Vector512.GreaterThan(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> IsEqual(Vector512<float> x, Vector512<float> y) => Vector512.Equals(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> IsAboveOrNone(Vector512<float> x, Vector512<float> y) => Vector512.GreaterThan(x, y) | Vector512.IsNaN(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Select(Vector512<float> condition, Vector512<float> x, Vector512<float> y) => Vector512.ConditionalSelect(condition, x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddTo(double* sums, Vector512<float> x)
    {
        var (first, second) = Vector512.Widen(x);
        (Vector512.Load(sums) + first).Store(sums);
        (Vector512.Load(sums + 8) + second).Store(sums + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadBytes(byte* from) => Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load(from)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(byte* to, Vector512<float> x) => Avx512F.ConvertToVector128Byte(Vector512.ConvertToInt32Native(x)).Store(to);
}

/// <summary>AVX2 with FMA: 8 numbers.</summary>
internal readonly unsafe struct Simd256 : ISimd<Vector256<float>>
{
    public static bool IsSupported => Avx2.IsSupported && Fma.IsSupported;

    public static int Lanes => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(float* from) => Vector256.Load(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* to, Vector256<float> x) => x.Store(to);

    public static void StoreFirst(float* to, Vector256<float> x, int count)
    {
        for (var i = 0; i < count; i++)
        {
            to[i] = x[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> All(float x) => Vector256.Create(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Add(Vector256<float> x, Vector256<float> y) => x + y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Subtract(Vector256<float> x, Vector256<float> y) => x - y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Multiply(Vector256<float> x, Vector256<float> y) => x * y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplyAdd(Vector256<float> x, Vector256<float> y, Vector256<float> z) => Fma.MultiplyAdd(x, y, z);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Divide(Vector256<float> x, Vector256<float> y) => x / y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Abs(Vector256<float> x) => Vector256.Abs(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Max(Vector256<float> x, Vector256<float> y) => Avx.Max(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Round(Vector256<float> x) => Avx.RoundToNearestInteger(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Scale(Vector256<float> x, Vector256<float> power)
    {
        var exponent = Avx.ConvertToVector256Int32(Avx.Max(Vector256.Create(-125f), power));
        return (x.AsInt32() + (exponent << 23)).AsSingle();   // what is no number stays so: it becomes 2^31, whose lower bits are none
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> IsAbove(Vector256<float> x, Vector256<float> y) => Vector256.GreaterThan(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> IsEqual(Vector256<float> x, Vector256<float> y) => Vector256.Equals(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> IsAboveOrNone(Vector256<float> x, Vector256<float> y) => Vector256.GreaterThan(x, y) | Vector256.IsNaN(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Select(Vector256<float> condition, Vector256<float> x, Vector256<float> y) => Vector256.ConditionalSelect(condition, x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddTo(double* sums, Vector256<float> x)
    {
        var (first, second) = Vector256.Widen(x);
        (Vector256.Load(sums) + first).Store(sums);
        (Vector256.Load(sums + 4) + second).Store(sums + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadBytes(byte* from) => Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(byte* to, Vector256<float> x)
    {
        var whole = Avx.ConvertToVector256Int32(x);
        var halves = Sse2.PackSignedSaturate(whole.GetLower(), whole.GetUpper());
        Sse2.StoreLow((double*)to, Sse2.PackUnsignedSaturate(halves, halves).AsDouble());
    }
}
