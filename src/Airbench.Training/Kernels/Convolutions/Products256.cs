using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Airbench.Training;

/// <summary>In AVX2: 12 of the 16 registers hold sums.</summary>
internal readonly unsafe struct Products256 : IProducts
{
    private const int L = 8;

    public static int Rows => 6;

    public static int Panel => 2 * L;

    public static int Channels => 4;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(float* a, long blockOfA, float* b, float* c, long blockOfC, int channels)
    {
        Vector256<float> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default;
        Vector256<float> c30 = default, c31 = default, c40 = default, c41 = default, c50 = default, c51 = default;
        for (; channels > 0; channels -= L, a += blockOfA)
        {
            var end = a + Math.Min(channels, L);
            for (var p = a; p < end; p++, b += 2 * L)
            {
                var (b0, b1) = (Vector256.Load(b), Vector256.Load(b + L));
                var x = Vector256.Create(p[0]);
                (c00, c01) = (Fma.MultiplyAdd(x, b0, c00), Fma.MultiplyAdd(x, b1, c01));
                x = Vector256.Create(p[L]);
                (c10, c11) = (Fma.MultiplyAdd(x, b0, c10), Fma.MultiplyAdd(x, b1, c11));
                x = Vector256.Create(p[2 * L]);
                (c20, c21) = (Fma.MultiplyAdd(x, b0, c20), Fma.MultiplyAdd(x, b1, c21));
                x = Vector256.Create(p[3 * L]);
                (c30, c31) = (Fma.MultiplyAdd(x, b0, c30), Fma.MultiplyAdd(x, b1, c31));
                x = Vector256.Create(p[4 * L]);
                (c40, c41) = (Fma.MultiplyAdd(x, b0, c40), Fma.MultiplyAdd(x, b1, c41));
                x = Vector256.Create(p[5 * L]);
                (c50, c51) = (Fma.MultiplyAdd(x, b0, c50), Fma.MultiplyAdd(x, b1, c51));
            }
        }
        Store(c, c00, c10, c20, c30, c40, c50);
        Store(c + blockOfC, c01, c11, c21, c31, c41, c51);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Accumulate(float* a, float* b, long blockOfB, float* c, int tiles)
    {
        Vector256<float> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default, c30 = default, c31 = default;
        for (var end = a + ((long)tiles * L); a < end; a += L, b += L)
        {
            var (b0, b1) = (Vector256.Load(b), Vector256.Load(b + blockOfB));
            var x = Vector256.Create(a[0]);
            (c00, c01) = (Fma.MultiplyAdd(x, b0, c00), Fma.MultiplyAdd(x, b1, c01));
            x = Vector256.Create(a[1]);
            (c10, c11) = (Fma.MultiplyAdd(x, b0, c10), Fma.MultiplyAdd(x, b1, c11));
            x = Vector256.Create(a[2]);
            (c20, c21) = (Fma.MultiplyAdd(x, b0, c20), Fma.MultiplyAdd(x, b1, c21));
            x = Vector256.Create(a[3]);
            (c30, c31) = (Fma.MultiplyAdd(x, b0, c30), Fma.MultiplyAdd(x, b1, c31));
        }
        Add(c, c00, c01);
        Add(c + (2 * L), c10, c11);
        Add(c + (4 * L), c20, c21);
        Add(c + (6 * L), c30, c31);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(
        float* c, Vector256<float> c0, Vector256<float> c1, Vector256<float> c2, Vector256<float> c3, Vector256<float> c4, Vector256<float> c5)
    {
        c0.Store(c);
        c1.Store(c + L);
        c2.Store(c + (2 * L));
        c3.Store(c + (3 * L));
        c4.Store(c + (4 * L));
        c5.Store(c + (5 * L));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(float* c, Vector256<float> c0, Vector256<float> c1)
    {
        (Vector256.Load(c) + c0).Store(c);
        (Vector256.Load(c + L) + c1).Store(c + L);
    }
}
