using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Airbench.Training;

/// <summary>In AVX-512: 24 of the 32 registers hold sums.</summary>
internal readonly unsafe struct Products512 : IProducts
{
    private const int L = 16;

    public static int Rows => 6;

    public static int Panel => 4 * L;

    public static int Channels => 4;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(float* a, long blockOfA, float* b, float* c, long blockOfC, int channels)
    {
        Vector512<float> c00 = default, c01 = default, c02 = default, c03 = default, c10 = default, c11 = default, c12 = default, c13 = default;
        Vector512<float> c20 = default, c21 = default, c22 = default, c23 = default, c30 = default, c31 = default, c32 = default, c33 = default;
        Vector512<float> c40 = default, c41 = default, c42 = default, c43 = default, c50 = default, c51 = default, c52 = default, c53 = default;
        for (; channels > 0; channels -= L, a += blockOfA)
        {
            var end = a + Math.Min(channels, L);
            for (var p = a; p < end; p++, b += 4 * L)
            {
                var (b0, b1, b2, b3) = (Vector512.Load(b), Vector512.Load(b + L), Vector512.Load(b + (2 * L)), Vector512.Load(b + (3 * L)));
                var x = Vector512.Create(p[0]);
                (c00, c01) = (Avx512F.FusedMultiplyAdd(x, b0, c00), Avx512F.FusedMultiplyAdd(x, b1, c01));
                (c02, c03) = (Avx512F.FusedMultiplyAdd(x, b2, c02), Avx512F.FusedMultiplyAdd(x, b3, c03));
                x = Vector512.Create(p[L]);
                (c10, c11) = (Avx512F.FusedMultiplyAdd(x, b0, c10), Avx512F.FusedMultiplyAdd(x, b1, c11));
                (c12, c13) = (Avx512F.FusedMultiplyAdd(x, b2, c12), Avx512F.FusedMultiplyAdd(x, b3, c13));
                x = Vector512.Create(p[2 * L]);
                (c20, c21) = (Avx512F.FusedMultiplyAdd(x, b0, c20), Avx512F.FusedMultiplyAdd(x, b1, c21));
                (c22, c23) = (Avx512F.FusedMultiplyAdd(x, b2, c22), Avx512F.FusedMultiplyAdd(x, b3, c23));
                x = Vector512.Create(p[3 * L]);
                (c30, c31) = (Avx512F.FusedMultiplyAdd(x, b0, c30), Avx512F.FusedMultiplyAdd(x, b1, c31));
                (c32, c33) = (Avx512F.FusedMultiplyAdd(x, b2, c32), Avx512F.FusedMultiplyAdd(x, b3, c33));
                x = Vector512.Create(p[4 * L]);
                (c40, c41) = (Avx512F.FusedMultiplyAdd(x, b0, c40), Avx512F.FusedMultiplyAdd(x, b1, c41));
                (c42, c43) = (Avx512F.FusedMultiplyAdd(x, b2, c42), Avx512F.FusedMultiplyAdd(x, b3, c43));
                x = Vector512.Create(p[5 * L]);
                (c50, c51) = (Avx512F.FusedMultiplyAdd(x, b0, c50), Avx512F.FusedMultiplyAdd(x, b1, c51));
                (c52, c53) = (Avx512F.FusedMultiplyAdd(x, b2, c52), Avx512F.FusedMultiplyAdd(x, b3, c53));
            }
        }
        Store(c, c00, c10, c20, c30, c40, c50);
        Store(c + blockOfC, c01, c11, c21, c31, c41, c51);
        Store(c + (2 * blockOfC), c02, c12, c22, c32, c42, c52);
        Store(c + (3 * blockOfC), c03, c13, c23, c33, c43, c53);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Accumulate(float* a, float* b, long blockOfB, float* c, int tiles)
    {
        Vector512<float> c00 = default, c01 = default, c02 = default, c03 = default, c10 = default, c11 = default, c12 = default, c13 = default;
        Vector512<float> c20 = default, c21 = default, c22 = default, c23 = default, c30 = default, c31 = default, c32 = default, c33 = default;
        var third = 3 * blockOfB;
        for (var end = a + ((long)tiles * L); a < end; a += L, b += L)
        {
            var (b0, b1, b2, b3) = (Vector512.Load(b), Vector512.Load(b + blockOfB), Vector512.Load(b + (2 * blockOfB)), Vector512.Load(b + third));
            var x = Vector512.Create(a[0]);
            (c00, c01) = (Avx512F.FusedMultiplyAdd(x, b0, c00), Avx512F.FusedMultiplyAdd(x, b1, c01));
            (c02, c03) = (Avx512F.FusedMultiplyAdd(x, b2, c02), Avx512F.FusedMultiplyAdd(x, b3, c03));
            x = Vector512.Create(a[1]);
            (c10, c11) = (Avx512F.FusedMultiplyAdd(x, b0, c10), Avx512F.FusedMultiplyAdd(x, b1, c11));
            (c12, c13) = (Avx512F.FusedMultiplyAdd(x, b2, c12), Avx512F.FusedMultiplyAdd(x, b3, c13));
            x = Vector512.Create(a[2]);
            (c20, c21) = (Avx512F.FusedMultiplyAdd(x, b0, c20), Avx512F.FusedMultiplyAdd(x, b1, c21));
            (c22, c23) = (Avx512F.FusedMultiplyAdd(x, b2, c22), Avx512F.FusedMultiplyAdd(x, b3, c23));
            x = Vector512.Create(a[3]);
            (c30, c31) = (Avx512F.FusedMultiplyAdd(x, b0, c30), Avx512F.FusedMultiplyAdd(x, b1, c31));
            (c32, c33) = (Avx512F.FusedMultiplyAdd(x, b2, c32), Avx512F.FusedMultiplyAdd(x, b3, c33));
        }
        Add(c, c00, c01, c02, c03);
        Add(c + (4 * L), c10, c11, c12, c13);
        Add(c + (8 * L), c20, c21, c22, c23);
        Add(c + (12 * L), c30, c31, c32, c33);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Store(
        float* c, Vector512<float> c0, Vector512<float> c1, Vector512<float> c2, Vector512<float> c3, Vector512<float> c4, Vector512<float> c5)
    {
        c0.Store(c);
        c1.Store(c + L);
        c2.Store(c + (2 * L));
        c3.Store(c + (3 * L));
        c4.Store(c + (4 * L));
        c5.Store(c + (5 * L));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(float* c, Vector512<float> c0, Vector512<float> c1, Vector512<float> c2, Vector512<float> c3)
    {
        (Vector512.Load(c) + c0).Store(c);
        (Vector512.Load(c + L) + c1).Store(c + L);
        (Vector512.Load(c + (2 * L)) + c2).Store(c + (2 * L));
        (Vector512.Load(c + (3 * L)) + c3).Store(c + (3 * L));
    }
}
