using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>What the kernels of ours have in common: bf16 images in channels_last on a CPU, in AVX-512, on libtorch's threads.</summary>
internal static class Bf16Kernel
{
    /// <summary>Channels of a vector.</summary>
    public const int Lanes = 32;

    /// <summary>Numbers that the span of a tensor's bytes can reach.</summary>
    public const int LargestTensor = int.MaxValue / sizeof(ushort);

    /// <summary>Whether such a kernel can go over these images, (N, C, H, W), in whole vectors of channels.</summary>
    public static bool Reads(Tensor images) =>
        images.dtype == ScalarType.BFloat16 && images.device.type == DeviceType.CPU
        && images.shape[1] % Lanes == 0 && images.numel() <= LargestTensor
        && Vector512.IsHardwareAccelerated && OpenMp.IsAvailable;
}
