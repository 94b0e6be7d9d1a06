using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>The text of <c>airbench kernels</c>. A part that fails is told, and the next one runs.</summary>
public static class KernelReport
{
    /// <summary>Builds, compares, times.</summary>
    /// <returns>Whether all was right.</returns>
    public static bool Write(string deviceName, Precision precision, int images, Action<string> line)
    {
        TorchRuntime.Load();
        var isRight = true;
        ComputeDevice? found = null;
        KernelLibrary? library = null;
        Part("device", () =>
        {
            var useCuda = deviceName.StartsWith("cuda", StringComparison.Ordinal) || (deviceName == "auto" && ComputeDevice.CudaDevices() > 0);
            found = useCuda ? ComputeDevice.Resolve(deviceName, precision) : new ComputeDevice(CPU, "cpu", precision);
            line(useCuda ? $"device: {found.Description}" : "device: cpu; no CUDA is used: the kernels' text runs behind g++, its times mean nothing");
        });
        if (found is null)
        {
            return false;
        }
        var (device, type) = (found.Device, found.ComputeType);
        var isCuda = device.type == DeviceType.CUDA;
        images = images > 0 ? images : isCuda ? 1024 : 4;
        Part("build", () =>
        {
            using (zeros(1, device: device))
            {
                found.Synchronize();
            }
            var clock = Stopwatch.StartNew();
            library = KernelChoice.Library(device, type);
            line(FormattableString.Invariant($"built in {clock.ElapsedMilliseconds} ms by {(isCuda && OperatingSystem.IsLinux() ? Nvrtc.Path : "g++")}, {library.Processors} processors, {found.PrecisionName}"));
            if (OperatingSystem.IsLinux() && library is CudaModule module)
            {
                foreach (var kernel in (string[])["moments", "pool_moments", "apply_gelu", "slopes_gelu", "gradient_gelu", "pool_gradient_gelu", "pool", "unpool", "whiten_gelu", "whiten_slopes_gelu"])
                {
                    var (registers, local, shared) = module.Resources(kernel);
                    line($"  {kernel}: {registers} registers, {local} bytes spilled, {shared} shared");
                }
            }
        });
        if (library is null)
        {
            return false;
        }
        using var kernels = new CudaKernels(library, device, type);
        line($"{images} images; errors are ||found - expected|| / ||expected||; us are means; what fits the L2 cache runs faster than memory");
        line("case                              y       dx      bias    mean    var     | forward us: ours libtorch ratio | backward us: ours libtorch ratio");
        var (own, theirs) = (0.0, 0.0);
        foreach (var test in KernelCheck.Cases)
        {
            Part(test.ToString(), () =>
            {
                var result = KernelCheck.Run(kernels, device, test, images, isTimed: isCuda);
                Judge(result.Errors);
                var errors = string.Join(' ', ((string[])["y", "dx", "bias", "mean", "variance"]).Select(name =>
                    result.Errors.TryGetValue(name, out var error) ? FormattableString.Invariant($"{error,7:0.0e+0}") : "      -"));
                line(FormattableString.Invariant($"{test,-32} {errors} | {1e6 * result.OwnForward,7:0.0} {1e6 * result.LibtorchForward,7:0.0} {Ratio(result.OwnForward, result.LibtorchForward),6:0.00} | {1e6 * result.OwnBackward,7:0.0} {1e6 * result.LibtorchBackward,7:0.0} {Ratio(result.OwnBackward, result.LibtorchBackward),6:0.00}"));
                own += result.OwnSeconds;
                theirs += result.LibtorchSeconds;
            });
        }
        if (isCuda)
        {
            line(FormattableString.Invariant($"all: ours {1e6 * own:0} us, libtorch {1e6 * theirs:0} us"));
            foreach (var test in KernelCheck.Cases)
            {
                Part(test.ToString(), () =>
                {
                    var times = KernelCheck.TimeKernels(library, device, type, test, images).Select(kernel => FormattableString.Invariant(
                        $"{kernel.Kernel} {1e6 * kernel.Seconds:0.0} us {test.Bytes(kernel.Kernel, images) / kernel.Seconds / 1e9:0} GB/s"));
                    line($"{test,-32} {string.Join(", ", times)}");
                });
            }
        }
        foreach (var test in KernelCheck.Cases)
        {
            Part($"{test} through autograd", () =>
            {
                var errors = KernelCheck.ThroughAutograd(kernels, device, test, Math.Min(images, 64));
                var inference = KernelCheck.Inference(kernels, device, test, Math.Min(images, 64));
                Judge(errors);
                isRight &= inference <= KernelCheck.LargestError;
                line(FormattableString.Invariant($"through autograd: {test,-32} inference {inference:0.0e+0}, ") + $"{string.Join(", ", errors.Select(error => FormattableString.Invariant($"{error.Key} {error.Value:0.0e+0}")))}");
            });
        }
        line(isRight ? "kernels: all numbers are right" : "kernels: something is WRONG, see above");
        return isRight;

        static double Ratio(double own, double theirs) => theirs > 0 ? own / theirs : 0;

        void Judge(IReadOnlyDictionary<string, double> errors) => isRight &= errors.Values.All(error => error <= KernelCheck.LargestError);

        void Part(string name, Action part)
        {
            try
            {
                using var scope = NewDisposeScope();
                part();
            }
            catch (Exception e)
            {
                isRight = false;
                line($"{name}: failed: {e.GetType().Name}: {e.Message}");
            }
        }
    }
}
