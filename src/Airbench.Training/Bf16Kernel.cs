using System.Runtime.Intrinsics;
using Airbench.Training.Native;
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

    [ThreadStatic]
    private static List<Tensor?>? _returned;   // by the last backward function

    /// <summary>Whether such a kernel can go over these images, (N, C, H, W), in whole vectors of channels.</summary>
    public static bool Reads(Tensor images) =>
        images.dtype == ScalarType.BFloat16 && images.device.type == DeviceType.CPU
        && images.shape[1] % Lanes == 0 && images.numel() <= LargestTensor
        && Vector512.IsHardwareAccelerated && OpenMp.IsAvailable;

    /// <summary>The output of a function of ours, without what TorchSharp keeps beside it until the end of the step: that output twice.</summary>
    public static Tensor Apply(Func<Tensor> function)
    {
        using var scope = NewDisposeScope();
        return function().MoveToOuterDisposeScope();
    }

    /// <summary>What a backward function returns. Autograd holds it once the call is over, so it is let go of at the next such call.</summary>
    public static List<Tensor> Return(params List<Tensor?> gradients)
    {
        LetGo();
        foreach (var gradient in gradients)
        {
            gradient?.MoveToOuterDisposeScope();
        }
        _returned = gradients;
        return gradients!;
    }

    /// <summary>Lets go of what the last backward function returned.</summary>
    public static void LetGo()
    {
        foreach (var gradient in _returned ?? [])
        {
            gradient?.Dispose();
        }
        _returned = null;
    }
}
