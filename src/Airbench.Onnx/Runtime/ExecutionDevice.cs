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
        $"build with -p:Backend=external and name a PyTorch for CUDA 13 in {CudaLibraries.LibtorchVariable}, " +
        $"or with -p:Backend=cuda on a system with {CudaLibraries.Expected} (Linux x64); device: cpu runs without";

    /// <summary>
    /// Options of the CUDA provider that we set. True fp32, because an export has to reproduce TorchSharp's logits, and because the provider's own
    /// default, TF32, keeps 10 bits of each factor. cuDNN's algorithms by its heuristics, because the search is repeated for every new batch size.
    /// </summary>
    private static readonly Dictionary<string, string> CudaDefaults = new() { ["use_tf32"] = "0", ["cudnn_conv_algo_search"] = "HEURISTIC" };

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
    /// <param name="settings">How it runs.</param>
    /// <param name="modelFile">What it runs, which may say that no product of its weights overflows (<see cref="ChannelWeights.AreExactIn"/>).</param>
    /// <exception cref="ConfigurationException">Provider options that the device's provider does not have.</exception>
    internal SessionOptions CreateOptions(SessionSettings settings, string? modelFile = null)
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
            if (!CpuFeatures.HasVnni && (modelFile is null || !ChannelWeights.AreExactIn(modelFile)))
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

    /// <summary>The provider's options as they will be: ours, and over them those of <paramref name="chosen"/>.</summary>
    internal IReadOnlyDictionary<string, string> ProviderOptions(IReadOnlyDictionary<string, string>? chosen)
    {
        var options = new Dictionary<string, string>(CudaIndex is null ? [] : CudaDefaults);
        foreach (var (key, value) in chosen ?? new Dictionary<string, string>())
        {
            options[key] = value;
        }
        return options;
    }

    private void AppendProvider(SessionOptions options, IReadOnlyDictionary<string, string> chosen)
    {
        if (CudaIndex is not { } index)
        {
            if (chosen.Count > 0)
            {
                throw new ConfigurationException(
                    $"provider_options: found {string.Join(", ", chosen.Keys)}; expected none, as the CPU provider has no options (they are for cuda)");
            }
            return;
        }
        CudaLibraries.Load();
        using var cuda = new OrtCUDAProviderOptions();
        // A first update that cannot be wrong: where it fails, the provider's library does not load, and the error says why.
        cuda.UpdateOptions(new() { ["device_id"] = index.ToString(CultureInfo.InvariantCulture) });
        try
        {
            cuda.UpdateOptions(new(ProviderOptions(chosen)) { ["device_id"] = index.ToString(CultureInfo.InvariantCulture) });
        }
        catch (OnnxRuntimeException e)
        {
            throw new ConfigurationException($"provider_options: ONNX Runtime's CUDA provider does not take them: {e.Message}", e);
        }
        options.AppendExecutionProvider_CUDA(cuda);
    }

    /// <summary>The error of a GPU that does not start, with what is missing and what to do.</summary>
    internal DeviceException DoesNotStart(OnnxRuntimeException e) => new($"{Name} does not start: {Reason(e)}; {HowToGetCuda}", e);

    /// <summary>What stood in the way, for one line.</summary>
    internal static string Reason(OnnxRuntimeException e) =>
        CudaLibraries.DescribeMissing() is { Length: > 0 } missing ? $"{e.Message} ({missing})" : e.Message;
}
