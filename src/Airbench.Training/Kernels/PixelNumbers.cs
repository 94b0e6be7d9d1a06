using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>How the numbers of images stand in memory, and come from there as vectors of fp32.</summary>
/// <typeparam name="TVector">Channels of one pixel, as many as go through a kernel at once.</typeparam>
internal unsafe interface IPixelNumbers<TVector>
    where TVector : unmanaged
{
    static abstract ScalarType Type { get; }

    /// <summary>Bytes of a number.</summary>
    static abstract int Size { get; }

    static abstract TVector Load(byte* from);

    /// <summary>Writes the nearest numbers of this type.</summary>
    static abstract void Store(byte* to, TVector x);

    /// <summary>Pixels whose sums in fp32 are exact enough for this type; longer ones go on in fp64.</summary>
    static abstract int LongestSum { get; }

    /// <summary>Where a channel stands in vectors that follow each other.</summary>
    static abstract int Place(int channel);

    /// <summary>One number of a pixel.</summary>
    static abstract float At(byte* pixel, int channel);
}

/// <summary>fp32, in vectors as in memory.</summary>
internal readonly unsafe struct Fp32<TSimd, TVector> : IPixelNumbers<TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    public static ScalarType Type => ScalarType.Float32;

    public static int Size => sizeof(float);

    public static int LongestSum => 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load(byte* from) => TSimd.Load((float*)from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* to, TVector x) => TSimd.Store((float*)to, x);

    public static int Place(int channel) => channel;

    public static float At(byte* pixel, int channel) => ((float*)pixel)[channel];
}

/// <summary>bf16, the upper half of fp32: of 32 channels the even ones first, which need no more than a shift.</summary>
internal readonly unsafe struct Bf16 : IPixelNumbers<Two<Vector512<float>>>
{
    private const int Lanes = 32;

    public static ScalarType Type => ScalarType.BFloat16;

    public static int Size => sizeof(ushort);

    public static int LongestSum => int.MaxValue;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Two<Vector512<float>> Load(byte* from)
    {
        var words = Vector512.Load((uint*)from);
        return new((words << 16).AsSingle(), (words & Vector512.Create(0xffff0000)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* to, Two<Vector512<float>> x) =>
        ((Round(x.First) >> 16) | (Round(x.Second) & Vector512.Create(0xffff0000))).Store((uint*)to);

    public static int Place(int channel) => (channel / Lanes * Lanes) + (channel % 2 * Lanes / 2) + (channel % Lanes / 2);

    public static float At(byte* pixel, int channel) => BitConverter.UInt32BitsToSingle((uint)((ushort*)pixel)[channel] << 16);

    /// <summary>The upper half is the nearest bf16, of two the even one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Round(Vector512<float> x)
    {
        var bits = x.AsUInt32();
        return bits + Vector512.Create(0x7fffu) + ((bits >> 16) & Vector512<uint>.One);
    }
}
