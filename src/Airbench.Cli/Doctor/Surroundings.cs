using System.Net.Http.Headers;
using Airbench.Onnx;
using Airbench.Training;

namespace Airbench.Cli;

/// <summary>What a pipeline may lean on, as plain values, so that the checks of a pipeline can be asked about any machine.</summary>
internal sealed record Surroundings
{
    /// <summary>Folder that holds data/, models/, exports/ and runs/.</summary>
    public required string Root { get; init; }

    /// <summary>Memory that the process may use, bytes.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>Free space where results go, bytes; null where the system does not tell, as for a share on Windows.</summary>
    public required long? FreeBytes { get; init; }

    /// <summary>CUDA devices that libtorch sees; null where TorchSharp does not load.</summary>
    public required int? TorchCudaDevices { get; init; }

    /// <summary>Whether ONNX Runtime has CUDA; null where it does not load.</summary>
    public required bool? OnnxCuda { get; init; }

    /// <summary>Null where the address answers, else why not.</summary>
    public required Func<Uri, string?> Unreachable { get; init; }

    /// <summary>About how long a training takes; null where that cannot be told.</summary>
    public required Func<TrainingTask, TrainingEstimate?> Estimate { get; init; }

    /// <summary>What <c>precision: auto</c> takes for a training, images of so many pixels a side and a device; null where there is no choice.</summary>
    public required Func<TrainOptions, int, string, PrecisionChoice?> Choose { get; init; }

    /// <summary>This machine.</summary>
    public static Surroundings Here(string root) => new()
    {
        Root = root,
        MemoryBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
        FreeBytes = FreeSpace(root),
        TorchCudaDevices = Loaded(() => (int?)ComputeDevice.CudaDevices()),
        OnnxCuda = Loaded(() => (bool?)OnnxClassifier.DescribeRuntime().Contains("CUDAExecutionProvider", StringComparison.Ordinal)),
        Unreachable = Ask,
        Estimate = TrainingTime.Measure,
        Choose = PrecisionCheck.Choose,
    };

    /// <summary>Null for a share on Windows (\\\\server\\share), which .NET takes for no drive.</summary>
    public static long? FreeSpace(string folder)
    {
        try
        {
            return new DriveInfo(folder).AvailableFreeSpace;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private static T? Loaded<T>(Func<T?> ask)
    {
        try
        {
            return ask();
        }
        catch (DeviceException)
        {
            return default;   // the line of that library says why
        }
    }

    private static string? Ask(Uri address)
    {
        try
        {
            using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
            client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("airbench", Product.Version));
            using var request = new HttpRequestMessage(HttpMethod.Head, address);
            using var response = client.Send(request, HttpCompletionOption.ResponseHeadersRead);
            return response.IsSuccessStatusCode ? null : $"answers {(int)response.StatusCode} {response.ReasonPhrase}";
        }
        catch (TaskCanceledException)
        {
            return "does not answer within 5 s";
        }
        catch (HttpRequestException e)
        {
            return $"cannot be reached: {e.Message}";
        }
    }
}
