using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>The device and arithmetic that a training uses.</summary>
/// <param name="Device">TorchSharp's device.</param>
/// <param name="Description">For people and artifacts: "cpu" or "cuda:0 NVIDIA H100 80GB HBM3".</param>
/// <param name="Precision">Resolved precision, never <see cref="Precision.Auto"/>.</param>
public sealed record ComputeDevice(Device Device, string Description, Precision Precision)
{
    private const string ExpectedLibtorch = "2.10";

    /// <summary>Kernels of ours on CUDA, chosen by <see cref="KernelChoice"/>; null for libtorch's operators.</summary>
    internal CudaKernels? Kernels { get; private init; }

    /// <summary>Records the steps of a training; null to do them one operator after the other.</summary>
    internal IGraphs? Graphs { get; init; }

    /// <summary>Type of activations and products.</summary>
    public ScalarType ComputeType => ComputeTypeOf(Precision);

    /// <summary>Type in which weights of convolutions and head are kept and updated.</summary>
    public ScalarType WeightType => Precision is Precision.Bf16Weights or Precision.Fp16Weights ? ComputeType : ScalarType.Float32;

    /// <summary>What goes faster on a CUDA device where it works.</summary>
    internal CudaAbilities Abilities { get; init; } = CudaAbilities.None;

    internal bool IsCuda => Device.type == DeviceType.CUDA;

    /// <summary>The precision as options and artifacts write it, for example "bf16_weights".</summary>
    internal string PrecisionName => PrecisionChoice.NameOf(Precision);

    /// <summary>What <see cref="Precision.Auto"/> took on a CPU, and why; null where the precision was given, and on CUDA.</summary>
    public PrecisionChoice? Choice { get; internal init; }

    /// <summary>Turns "auto", "cpu", "cuda" or "cuda:N" and a precision other than <see cref="Precision.Auto"/> into what will be used.</summary>
    /// <inheritdoc cref="Resolve(string, Precision, Func{PrecisionChoice})" path="/exception"/>
    public static ComputeDevice Resolve(string device, Precision precision) => Resolve(
        device, precision, () => throw new ArgumentException("found auto; expected a precision, as there is no network to choose one for", nameof(precision)));

    /// <summary>Turns "auto", "cpu", "cuda" or "cuda:N" and a precision into what will be used.</summary>
    /// <param name="device">As above.</param>
    /// <param name="precision">On CUDA <see cref="Precision.Auto"/> is bf16.</param>
    /// <param name="choose">Asked on a CPU for <see cref="Precision.Auto"/>; libtorch is loaded then.</param>
    /// <exception cref="DeviceException">
    /// CUDA was asked for and is not there, or the precision does not exist on the device. Never a silent fallback.
    /// </exception>
    public static ComputeDevice Resolve(string device, Precision precision, Func<PrecisionChoice> choose)
    {
        TorchRuntime.Load();
        var useCuda = device switch
        {
            "cpu" => false,
            "auto" => cuda.is_available(),
            _ => true,
        };
        if (!useCuda)
        {
            if (ComputeTypeOf(precision) == ScalarType.Float16)
            {
                throw new DeviceException($"precision {PrecisionChoice.NameOf(precision)} needs CUDA; on the CPU use bf16 or fp32 (train.with.precision)");
            }
            var choice = precision == Precision.Auto ? choose() : null;
            return new ComputeDevice(CPU, "cpu", choice?.Precision ?? precision) { Choice = choice };
        }
        var index = device.StartsWith("cuda:", StringComparison.Ordinal) ? int.Parse(device[5..], System.Globalization.CultureInfo.InvariantCulture) : 0;
        if (!cuda.is_available())
        {
            throw new DeviceException(
                $"device is {device}, but libtorch sees no CUDA device. Expected an NVIDIA driver and a build with -p:Backend=cuda " +
                $"(or -p:Backend=external and {TorchRuntime.LibtorchVariable}); `airbench doctor` shows what is there; device: cpu runs without");
        }
        if (index >= cuda.device_count())
        {
            throw new DeviceException($"device is {device}, but there are {cuda.device_count()} CUDA devices, cuda:0 to cuda:{cuda.device_count() - 1}");
        }
        PrepareCuda(device);
        var chip = new Device(DeviceType.CUDA, index);
        var abilities = CudaAbilities.Try(chip);
        return new ComputeDevice(chip, Describe(index, abilities), precision == Precision.Auto ? Precision.Bf16 : precision) { Abilities = abilities };
    }

    /// <summary>The device with the kernels and graphs that are asked for; unchanged on a CPU.</summary>
    internal ComputeDevice With(TrainOptions options, IProgress progress) => this with
    {
        Kernels = KernelChoice.Make(this, options.Kernels, progress),
        Graphs = IsCuda && options.CudaGraph ? MakeGraphs(progress) : null,
    };

    private IGraphs? MakeGraphs(IProgress progress)
    {
        if (OperatingSystem.IsLinux())
        {
            return CudaGraphs.Make(Device, progress);
        }
        progress.Warn("CUDA graph: none, because libtorch's functions for it are known on Linux only");
        return null;
    }

    /// <summary>The CUDA devices that libtorch sees, for people.</summary>
    /// <exception cref="DeviceException">TorchSharp does not load.</exception>
    public static string DescribeCuda()
    {
        TorchRuntime.Load();
        return cuda.is_available()
            ? string.Join(", ", Enumerable.Range(0, cuda.device_count()).Select(index => $"cuda:{index} {CudaDriver.NameOf(index)}".TrimEnd()))
            : "none: training runs on the CPU";
    }

    /// <summary>How many CUDA devices libtorch sees.</summary>
    /// <exception cref="DeviceException">TorchSharp does not load.</exception>
    public static int CudaDevices()
    {
        TorchRuntime.Load();
        return cuda.is_available() ? cuda.device_count() : 0;
    }

    /// <summary>Waits until the device has done all that was asked of it, so that a clock read afterwards means something.</summary>
    public void Synchronize()
    {
        if (IsCuda)
        {
            cuda.synchronize(Device);
        }
    }

    /// <summary>Says what does not work on the device; the training goes on without it.</summary>
    internal void Warn(IProgress progress)
    {
        foreach (var lack in Abilities.Lacks)
        {
            progress.Warn($"{Description.Split(',')[0]} trains without {lack}: the results are the same, but the steps may take longer");
        }
    }

    /// <summary>
    /// Loads TorchSharp's CUDA part. fp32 products that remain run in TF32 (10 bits of mantissa; whoever needs true fp32 turns it off, as
    /// <see cref="TrainedModelWriter"/> does for the parity data).
    /// </summary>
    private static void PrepareCuda(string device)
    {
        try
        {
            InitializeDeviceType(DeviceType.CUDA);
        }
        catch (Exception e) when (e is not DeviceException)
        {
            throw new DeviceException(
                $"device is {device} and libtorch sees CUDA, but TorchSharp's CUDA part does not start: {e.Message} " +
                $"Expected libtorch {ExpectedLibtorch} with libtorch_cuda.so in {TorchRuntime.Load().Folder}; device: cpu runs without",
                e);
        }
        (backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32) = (true, true);
    }

    /// <summary>The device's name, and what may explain its times: artifacts have it.</summary>
    private static string Describe(int index, CudaAbilities abilities)
    {
        var name = CudaDriver.NameOf(index) is { } model ? $"cuda:{index} {model}" : $"cuda:{index}";
        return name + string.Concat(abilities.Lacks.Select(lack => $", without {lack.Split(" (")[0]}"));
    }

    private static ScalarType ComputeTypeOf(Precision precision) => precision switch
    {
        Precision.Fp32 => ScalarType.Float32,
        Precision.Fp16 or Precision.Fp16Weights => ScalarType.Float16,
        _ => ScalarType.BFloat16,
    };
}
