using System.Runtime.InteropServices;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Training;

/// <summary>Whether TorchSharp really computes on a GPU: a convolution and a product, so cuDNN and cuBLAS, forward and backward, beside the CPU's.</summary>
public static class CudaCheck
{
    /// <summary>Runs them on cuda:0 in true fp32.</summary>
    /// <returns>One line for people; null where libtorch sees no GPU.</returns>
    /// <exception cref="DeviceException">TorchSharp or its CUDA part does not start, or answers wrongly.</exception>
    public static string? Run()
    {
        if (ComputeDevice.CudaDevices() == 0)
        {
            return null;
        }
        var device = ComputeDevice.Resolve("cuda", Precision.Fp32);
        (backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32) = (false, false);
        try
        {
            using var scope = NewDisposeScope();
            var (expected, found) = (Gradient(CPU), Gradient(device.Device).cpu());
            var difference = (found - expected).abs().max().item<float>() / expected.abs().max().item<float>();
            return difference < 1e-4
                ? FormattableString.Invariant($"a gradient on {device.Description} differs from the CPU's by {difference:0.0e+0} of its largest value")
                : throw new DeviceException(FormattableString.Invariant(
                    $"{device.Description} computes something else than the CPU: a gradient differs by {difference} of its largest value; expected less than 1e-4"));
        }
        catch (ExternalException e)
        {
            throw new DeviceException($"{device.Description} fails: {e.Message}", e);
        }
    }

    /// <summary>Of a small convolution's filters, whose squared answers are weighted by a product.</summary>
    private static Tensor Gradient(Device device)
    {
        var generator = new Generator(1, CPU);
        Tensor Draw(params long[] shape) => rand(shape, generator: generator).Plus(-0.5).to(device);
        var filters = Draw(16, 3, 3, 3).requires_grad_(true);
        var answers = F.conv2d(Draw(4, 3, 16, 16), filters).matmul(Draw(14, 16));
        (answers * answers).sum().backward();
        return filters.grad!;
    }
}
