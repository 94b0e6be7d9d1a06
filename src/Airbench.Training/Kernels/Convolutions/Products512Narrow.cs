using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Airbench.Training;

/// <summary>In AVX-512 for few outputs, or for the rest of many: half the panel.</summary>
internal readonly unsafe struct Products512Narrow : IProducts
{
    private const int L = 16;

    public static int Rows => 6;

    public static int Panel => 2 * L;

    public static int Channels => 4;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(float* a, long blockOfA, float* b, float* c, long blockOfC, int channels)
    {
        Vector512<float> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default;
        Vector512<float> c30 = default, c31 = default, c40 = default, c41 = default, c50 = default, c51 = default;
        for (; channels > 0; channels -= L, a += blockOfA)
        {
            var end = a + Math.Min(channels, L);
            for (var p = a; p < end; p++, b += 2 * L)
            {
                var (b0, b1) = (Vector512.Load(b), Vector512.Load(b + L));
                var x = Vector512.Create(p[0]);
                (c00, c01) = (Avx512F.FusedMultiplyAdd(x, b0, c00), Avx512F.FusedMultiplyAdd(x, b1, c01));
                x = Vector512.Create(p[L]);
                (c10, c11) = (Avx512F.FusedMultiplyAdd(x, b0, c10), Avx512F.FusedMultiplyAdd(x, b1, c11));
                x = Vector512.Create(p[2 * L]);
                (c20, c21) = (Avx512F.FusedMultiplyAdd(x, b0, c20), Avx512F.FusedMultiplyAdd(x, b1, c21));
                x = Vector512.Create(p[3 * L]);
                (c30, c31) = (Avx512F.FusedMultiplyAdd(x, b0, c30), Avx512F.FusedMultiplyAdd(x, b1, c31));
                x = Vector512.Create(p[4 * L]);
                (c40, c41) = (Avx512F.FusedMultiplyAdd(x, b0, c40), Avx512F.FusedMultiplyAdd(x, b1, c41));
                x = Vector512.Create(p[5 * L]);
                (c50, c51) = (Avx512F.FusedMultiplyAdd(x, b0, c50), Avx512F.FusedMultiplyAdd(x, b1, c51));
            }
        }
        Products512.Store(c, c00, c10, c20, c30, c40, c50);
        Products512.Store(c + blockOfC, c01, c11, c21, c31, c41, c51);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Accumulate(float* a, float* b, long blockOfB, float* c, int tiles)
    {
        Vector512<float> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default, c30 = default, c31 = default;
        for (var end = a + ((long)tiles * L); a < end; a += L, b += L)
        {
            var (b0, b1) = (Vector512.Load(b), Vector512.Load(b + blockOfB));
            var x = Vector512.Create(a[0]);
            (c00, c01) = (Avx512F.FusedMultiplyAdd(x, b0, c00), Avx512F.FusedMultiplyAdd(x, b1, c01));
            x = Vector512.Create(a[1]);
            (c10, c11) = (Avx512F.FusedMultiplyAdd(x, b0, c10), Avx512F.FusedMultiplyAdd(x, b1, c11));
            x = Vector512.Create(a[2]);
            (c20, c21) = (Avx512F.FusedMultiplyAdd(x, b0, c20), Avx512F.FusedMultiplyAdd(x, b1, c21));
            x = Vector512.Create(a[3]);
            (c30, c31) = (Avx512F.FusedMultiplyAdd(x, b0, c30), Avx512F.FusedMultiplyAdd(x, b1, c31));
        }
        Add(c, c00, c01);
        Add(c + (2 * L), c10, c11);
        Add(c + (4 * L), c20, c21);
        Add(c + (6 * L), c30, c31);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(float* c, Vector512<float> c0, Vector512<float> c1)
    {
        (Vector512.Load(c) + c0).Store(c);
        (Vector512.Load(c + L) + c1).Store(c + L);
    }
}
