using System.Text.Json;
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

    /// <summary>Type of activations and products.</summary>
    public ScalarType ComputeType => Precision switch
    {
        Precision.Fp32 => ScalarType.Float32,
        Precision.Fp16 => ScalarType.Float16,
        _ => ScalarType.BFloat16,
    };

    /// <summary>Type in which convolution weights are kept and updated.</summary>
    public ScalarType WeightType => Precision == Precision.Bf16Weights ? ScalarType.BFloat16 : ScalarType.Float32;

    /// <summary>The precision as options and artifacts write it, for example "bf16_weights".</summary>
    internal string PrecisionName => JsonNamingPolicy.SnakeCaseLower.ConvertName(Precision.ToString());

    /// <summary>Turns "auto", "cpu", "cuda" or "cuda:N" and a precision into what will be used.</summary>
    /// <exception cref="DeviceException">
    /// CUDA was asked for and is not there, or the precision does not exist on the device. Never a silent fallback.
    /// </exception>
    public static ComputeDevice Resolve(string device, Precision precision)
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
            return precision == Precision.Fp16
                ? throw new DeviceException("precision fp16 needs CUDA; on the CPU use bf16 or fp32 (train.with.precision)")
                : new ComputeDevice(CPU, "cpu", Resolve(precision, CpuFeatures.HasBf16));
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
        var name = CudaDriver.NameOf(index) is { } model ? $"cuda:{index} {model}" : $"cuda:{index}";
        return new ComputeDevice(new Device(DeviceType.CUDA, index), name, Resolve(precision, hasBf16: true));
    }

    /// <summary>The device with the kernels that are asked for; unchanged on a CPU.</summary>
    internal ComputeDevice With(Kernels kernels, IProgress progress) => this with { Kernels = KernelChoice.Make(this, kernels, progress) };

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
        if (Device.type == DeviceType.CUDA)
        {
            cuda.synchronize(Device);
        }
    }

    /// <summary>
    /// Loads TorchSharp's CUDA part and sets what training wants: cuDNN picks its fastest algorithms, and fp32 products that remain run in TF32
    /// (10 bits of mantissa; whoever needs true fp32 turns it off, as <see cref="TrainedModelWriter"/> does for the parity data).
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
        if (CudnnTuning.IsReachable)
        {
            CudnnTuning.Enabled = true;
        }
        (backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32) = (true, true);
    }

    private static Precision Resolve(Precision precision, bool hasBf16) =>
        precision != Precision.Auto ? precision : hasBf16 ? Precision.Bf16 : Precision.Fp32;
}
