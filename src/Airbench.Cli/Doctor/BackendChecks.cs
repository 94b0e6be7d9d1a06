using Airbench.Onnx;
using Airbench.Training;

namespace Airbench.Cli;

/// <summary>Whether the native libraries really load.</summary>
internal static class BackendChecks
{
    private const string Rebuild = "dotnet build -c Release";

    public static IEnumerable<Finding> All(string? gpu) => [Torch(), Cuda(gpu), OnnxRuntime(), .. gpu is null ? [] : Gpu()];

    /// <summary>What a GPU is used through, and whether it answers: each missing library by name, and a tiny computation by either side.</summary>
    private static IEnumerable<Finding> Gpu()
    {
        var libraries = CudaLibraries.Load();
        string[] missing = [.. libraries.Where(library => !library.IsLoaded).Select(library => $"{library.Name} ({library.Problem})")];
        yield return missing.Length == 0
            ? new("CUDA libraries", $"{CudaLibraries.DescribeVersions()}: {string.Join(", ", libraries.Select(library => library.Path))}")
            : Finding.Note("CUDA libraries", $"{string.Join(", ", missing)}; ONNX Runtime on a GPU needs {CudaLibraries.Expected}",
                $"name a PyTorch for CUDA 13 in {CudaLibraries.LibtorchVariable}, or install them");
        yield return Computes("training on CUDA", Training.CudaCheck.Run);
        yield return Computes("ONNX Runtime on CUDA", Onnx.CudaCheck.Run);
    }

    private static Finding Computes(string what, Func<string?> check)
    {
        try
        {
            return new(what, check() ?? "not in this build");
        }
        catch (DeviceException e)
        {
            return Finding.Problem(what, e.Message, null);
        }
    }

    private static Finding Torch()
    {
        try
        {
            var status = TorchRuntime.Load();
            var allocator = status.LargeBlocksKept ? "; the allocator keeps large blocks" : "";
            var remedy = status.Remedy is null ? "" : $"; {status.Remedy}";
            return new("TorchSharp", $"libtorch {TorchRuntime.LibtorchVersion} from {status.Folder}{allocator}{remedy}");
        }
        catch (DeviceException e)
        {
            return Finding.Problem("TorchSharp", e.Message, Rebuild);
        }
    }

    private static Finding Cuda(string? gpu)
    {
        try
        {
            return ComputeDevice.CudaDevices() == 0 && gpu is not null
                ? Finding.Note("CUDA for training", "none, though there is a GPU: this build is for the CPU", "dotnet build -c Release -p:Backend=cuda")
                : new("CUDA for training", ComputeDevice.DescribeCuda());
        }
        catch (DeviceException)
        {
            return Finding.Note("CUDA for training", "unknown, as TorchSharp does not load");
        }
    }

    private static Finding OnnxRuntime()
    {
        try
        {
            return new("ONNX Runtime", OnnxClassifier.DescribeRuntime());
        }
        catch (DeviceException e)
        {
            return Finding.Problem("ONNX Runtime", e.Message, Rebuild);
        }
    }
}
