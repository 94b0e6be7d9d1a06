using System.Globalization;
using Microsoft.ML.OnnxRuntime;

namespace Airbench.Onnx;

/// <summary>Where a session computes.</summary>
/// <param name="Name">"cpu" or "cuda:N".</param>
/// <param name="Provider">Execution provider by ONNX Runtime's name.</param>
/// <param name="CudaIndex">GPU, null on the CPU.</param>
/// <param name="IsFallbackAllowed">Whether the CPU may take over where the GPU does not start: only for "auto", and it is said.</param>
/// <param name="Note">What was taken and why, one line for the log.</param>
public sealed record ExecutionDevice(string Name, string Provider, int? CudaIndex, bool IsFallbackAllowed, string Note)
{
    private const string CpuProvider = "CPUExecutionProvider";
    private const string CudaProvider = "CUDAExecutionProvider";

    /// <summary>What to do where CUDA was asked for and is not there.</summary>
    internal const string HowToGetCuda =
        "build with -p:Backend=cuda (ONNX Runtime for GPUs; Linux x64 with CUDA 12 and cuDNN 9), or set device: cpu";

    /// <summary>Decides what <paramref name="device"/> (auto, cpu, cuda or cuda:N) means where these providers exist.</summary>
    /// <exception cref="ConfigurationException">It is none of the four.</exception>
    /// <exception cref="DeviceException">CUDA was asked for and this ONNX Runtime has none.</exception>
    public static ExecutionDevice Resolve(string device, IReadOnlyCollection<string> providers)
    {
        var hasCuda = providers.Contains(CudaProvider);
        switch (device)
        {
            case "cpu":
                return Cpu("cpu");
            case "auto" when hasCuda:
                return Cuda(0, isFallbackAllowed: true, "device auto: took cuda:0");
            case "auto":
                return Cpu("device auto: took cpu, as this ONNX Runtime has no CUDA provider");
        }
        if (!TryParseCuda(device, out var index))
        {
            throw new ConfigurationException($"device: '{device}'; expected auto, cpu, cuda or cuda:N");
        }
        return hasCuda
            ? Cuda(index, isFallbackAllowed: false, $"cuda:{index}")
            : throw new DeviceException(
                $"device: {device} was asked for, but this ONNX Runtime has only {string.Join(", ", providers)}; {HowToGetCuda}");
    }

    private static bool TryParseCuda(string device, out int index)
    {
        const string Prefix = "cuda:";
        index = 0;
        return device == "cuda" || (device.StartsWith(Prefix, StringComparison.Ordinal) &&
            int.TryParse(device.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out index));
    }

    internal static ExecutionDevice Cpu(string note) => new("cpu", CpuProvider, null, false, note);

    private static ExecutionDevice Cuda(int index, bool isFallbackAllowed, string note) =>
        new(FormattableString.Invariant($"cuda:{index}"), CudaProvider, index, isFallbackAllowed, note);

    /// <summary>Session settings for this device.</summary>
    /// <param name="threads">Threads of one operator; 0 is one per core.</param>
    internal SessionOptions CreateOptions(int threads) => CreateOptions(new SessionSettings(threads));

    /// <summary>Session settings for this device.</summary>
    /// <exception cref="ConfigurationException">Provider options that the device's provider does not have.</exception>
    internal SessionOptions CreateOptions(SessionSettings settings)
    {
        var options = new SessionOptions
        {
            LogSeverityLevel = OnnxRuntime.LogLevel,
            IntraOpNumThreads = settings.Threads,
            GraphOptimizationLevel = settings.GraphOptimization switch
            {
                GraphOptimization.All => GraphOptimizationLevel.ORT_ENABLE_ALL,
                GraphOptimization.Extended => GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
                GraphOptimization.Basic => GraphOptimizationLevel.ORT_ENABLE_BASIC,
                _ => GraphOptimizationLevel.ORT_DISABLE_ALL,
            },
        };
        try
        {
            if (!CpuFeatures.HasVnni)
            {
                // On x64 without VNNI the fast product of uint8 and int8 overflows in 16 bits; the slower one is exact. VNNI's own is exact and fast,
                // and this setting would take it away: int8 models then need twice the time.
                options.AddSessionConfigEntry("session.x64quantprecision", "1");
            }
            AppendProvider(options, settings.ProviderOptions ?? new Dictionary<string, string>());
            return options;
        }
        catch
        {
            options.Dispose();
            throw;
        }
    }

    private void AppendProvider(SessionOptions options, IReadOnlyDictionary<string, string> provider)
    {
        if (CudaIndex is not { } index)
        {
            if (provider.Count > 0)
            {
                throw new ConfigurationException(
                    $"provider_options: found {string.Join(", ", provider.Keys)}; expected none, as the CPU provider has no options (they are for cuda)");
            }
            return;
        }
        if (provider.Count == 0)
        {
            options.AppendExecutionProvider_CUDA(index);
            return;
        }
        using var cuda = new OrtCUDAProviderOptions();
        try
        {
            cuda.UpdateOptions(new Dictionary<string, string>(provider) { ["device_id"] = index.ToString(CultureInfo.InvariantCulture) });
        }
        catch (OnnxRuntimeException e)
        {
            throw new ConfigurationException($"provider_options: ONNX Runtime's CUDA provider does not take them: {e.Message}", e);
        }
        options.AppendExecutionProvider_CUDA(cuda);
    }
}
