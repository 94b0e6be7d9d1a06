using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>
/// What the kernels of ours for images in channels_last on a CPU have in common: they are written once, and compiled for each type of number and
/// width of vector.
/// </summary>
/// <param name="Name">Type and instructions.</param>
/// <param name="Type">Of the images.</param>
/// <param name="Lanes">Channels that go through it at once.</param>
/// <param name="IsSupported">Whether this machine has the instructions and libtorch's threads are there.</param>
internal abstract record CpuKernel(string Name, ScalarType Type, int Lanes, bool IsSupported)
{
    /// <summary>Bytes that the span of a tensor can reach.</summary>
    public const int LargestTensor = int.MaxValue;

    /// <summary>The wider ones first. bf16 is for processors that multiply it, and these have AVX-512.</summary>
    public static IReadOnlyList<CpuKernel> All { get; } =
    [
        new CpuKernel<Bf16, Twice<Simd512, Vector512<float>>, Two<Vector512<float>>>("bf16, AVX-512", Simd512.IsSupported),
        new CpuKernel<Fp32<Simd512, Vector512<float>>, Simd512, Vector512<float>>("fp32, AVX-512", Simd512.IsSupported),
        new CpuKernel<Fp32<Simd256, Vector256<float>>, Simd256, Vector256<float>>("fp32, AVX2", Simd256.IsSupported),
    ];

    /// <summary>The first that goes over these images, (N, C, H, W), in whole vectors of channels: multiples of 32 in bf16, of 8 in fp32.</summary>
    public static CpuKernel? For(Tensor images) => All.FirstOrDefault(kernel => kernel.Reads(images));

    /// <summary>Whether it goes over these images.</summary>
    public bool Reads(Tensor images) =>
        IsSupported && images.dtype == Type && images.device.type == DeviceType.CPU
        && images.shape[1] % Lanes == 0 && images.numel() <= LargestTensor / images.ElementSize;

    public abstract NormActivationKernel NormActivation(Activation activation);

    public abstract MaxPoolKernel MaxPool { get; }

    public sealed override string ToString() => Name;
}

/// <summary>One of them.</summary>
/// <typeparam name="TNumbers">Type of the images.</typeparam>
/// <typeparam name="TSimd">Arithmetic.</typeparam>
/// <typeparam name="TVector">Its vectors.</typeparam>
internal sealed record CpuKernel<TNumbers, TSimd, TVector>(string Name, bool HasInstructions)
    : CpuKernel(Name, TNumbers.Type, TSimd.Lanes, HasInstructions && OpenMp.IsAvailable)
    where TNumbers : struct, IPixelNumbers<TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    public override MaxPoolKernel MaxPool { get; } = new MaxPoolKernel<TNumbers, TSimd, TVector>();

    public override NormActivationKernel NormActivation(Activation activation) => activation switch
    {
        Activation.Gelu => new NormActivationKernel<TNumbers, TSimd, TVector, Weighted<Normal>>(),
        Activation.Silu => new NormActivationKernel<TNumbers, TSimd, TVector, Weighted<Logistic>>(),
        Activation.Relu => new NormActivationKernel<TNumbers, TSimd, TVector, Relu>(),
        _ => throw new NotSupportedException($"activation {activation}"),
    };
}
