using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>Whether a training uses <see cref="CudaKernels"/>.</summary>
internal static class KernelChoice
{
    private const int Images = 256;

    /// <summary>The kernels, built and checked; null where libtorch's operators are asked for, or are better.</summary>
    /// <param name="device">Kernels are there for CUDA, and for bf16 and fp16.</param>
    /// <param name="kernels">What is asked for.</param>
    /// <param name="progress">Told what was chosen, and warned once where they cannot be used.</param>
    public static CudaKernels? Make(ComputeDevice device, Kernels kernels, IProgress progress)
    {
        if (kernels == Kernels.Libtorch || device.Device.type != DeviceType.CUDA)
        {
            return null;
        }
        if (device.ComputeType == ScalarType.Float32)
        {
            if (kernels == Kernels.Own)
            {
                progress.Warn("kernels: libtorch's, because ours are for bf16 and fp16, and the precision is fp32");
            }
            return null;
        }
        CudaKernels? built = null;
        try
        {
            built = Build(device.Device, device.ComputeType);
            using var scope = NewDisposeScope();
            KernelCheck.Case[] cases = [KernelCheck.Cases[0], KernelCheck.Cases[1], KernelCheck.Cases[^1]];
            var found = cases.Select(test => KernelCheck.Run(built, device.Device, test, Images, isTimed: kernels == Kernels.Auto)).ToList();
            var errors = found.SelectMany(result => result.Errors).Concat(cases.SelectMany(test => KernelCheck.ThroughAutograd(built, device.Device, test, Images / 4)));
            errors = errors.Append(new("inference", cases.Max(test => KernelCheck.Inference(built, device.Device, test, Images))));
            if (errors.FirstOrDefault(error => !(error.Value <= KernelCheck.LargestError)) is { Key: not null } wrong)
            {
                progress.Warn(FormattableString.Invariant($"kernels: libtorch's, because ours are wrong on this device: {wrong.Key} differs by {wrong.Value:0.0e+0}"));
                built.Dispose();
                return null;
            }
            var (own, theirs) = (found.Sum(result => result.OwnSeconds), found.Sum(result => result.LibtorchSeconds));
            if (kernels == Kernels.Auto && own >= theirs)
            {
                progress.Info(FormattableString.Invariant($"kernels: libtorch's ({1e6 * theirs:0} us, ours {1e6 * own:0} us)"));
                built.Dispose();
                return null;
            }
            progress.Info(kernels == Kernels.Auto
                ? FormattableString.Invariant($"kernels: ours ({1e6 * own:0} us, libtorch's {1e6 * theirs:0} us)")
                : "kernels: ours");
            return built;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            built?.Dispose();
            progress.Warn($"kernels: libtorch's, because ours cannot be built or started: {e.Message.Split('\n')[0]}");
            return null;
        }
    }

    /// <summary>Kernels for a device and a type.</summary>
    /// <exception cref="DeviceException">They cannot be built.</exception>
    public static CudaKernels Build(Device device, ScalarType type) => new(Library(device, type), device, type);

    /// <summary>For a GPU by NVRTC, for a CPU by g++.</summary>
    /// <exception cref="DeviceException">They cannot be built.</exception>
    public static KernelLibrary Library(Device device, ScalarType type)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new DeviceException("they are built on Linux only");
        }
        var isHalf = type == ScalarType.Float16;
        if (device.type != DeviceType.CUDA)
        {
            return new HostModule(isHalf);
        }
        return new CudaModule(Math.Max(0, device.index), KernelLibrary.Text, isHalf ? ["-DF16"] : []);
    }
}
