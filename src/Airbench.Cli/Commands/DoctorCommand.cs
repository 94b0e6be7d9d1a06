using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using Airbench.Cli.Terminal;
using Airbench.Inference;
using Airbench.Training;
using Spectre.Console;

namespace Airbench.Cli.Commands;

/// <summary><c>airbench doctor</c>: what this machine has, and what would fail.</summary>
internal static class DoctorCommand
{
    /// <summary>One line of the screen; a problem says what to do.</summary>
    private sealed record Finding(string What, string Found, string? Problem = null);

    public static Command Create()
    {
        var command = new Command("doctor", "Show what this machine has and what would fail. Exit code 1 if something would.");
        command.SetAction(_ =>
        {
            IReadOnlyList<Finding> findings = [Machine(), Processor(), Memory(), Disk(), Torch(), Cuda(), OnnxRuntime(), .. Datasets()];
            var table = Screen.NewTable();
            table.AddColumns("", "what", "found");
            foreach (var finding in findings)
            {
                table.AddRow(
                    new Text(finding.Problem is null ? "ok" : "!!", finding.Problem is null ? new Style(Color.Green) : new Style(Color.Red)),
                    new Text(finding.What).Overflow(Overflow.Fold),
                    new Text(finding.Problem is null ? finding.Found : $"{finding.Found}: {finding.Problem}"));
            }
            Screen.Console.Write(table);
            return findings.Any(finding => finding.Problem is not null) ? ExitCode.Failed : ExitCode.Done;
        });
        return command;
    }

    private static Finding Machine() =>
        new(
            "system",
            $"{RuntimeInformation.OSDescription}, {RuntimeInformation.RuntimeIdentifier}, " +
            $"{RuntimeInformation.FrameworkDescription}, airbench {Product.Version}");

    private static Finding Processor()
    {
        (string Name, bool Has)[] features =
            [("AVX512-BF16", CpuFeatures.HasAvx512Bf16), ("AMX-BF16", CpuFeatures.HasAmxBf16), ("AVX512-VNNI", CpuFeatures.HasAvx512Vnni)];
        var present = features.Where(feature => feature.Has).Select(feature => feature.Name).ToList();
        var found = present.Count == 0 ? "none of AVX512-BF16, AMX-BF16, AVX512-VNNI: training runs in fp32" : string.Join(", ", present);
        return new("processor", $"{Environment.ProcessorCount} cores; {found}");
    }

    private static Finding Memory()
    {
        var gigabytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9;
        var problem = gigabytes < 6 ? "training at batch 1024 needs about 6 GB; use a smaller batch_size" : null;
        return new("memory", string.Create(CultureInfo.InvariantCulture, $"{gigabytes:0.0} GB"), problem);
    }

    private static Finding Disk()
    {
        var gigabytes = new DriveInfo(Directory.GetCurrentDirectory()).AvailableFreeSpace / 1e9;
        return new("disk", string.Create(CultureInfo.InvariantCulture, $"{gigabytes:0.0} GB free here"), gigabytes < 1 ? "a run needs about 1 GB" : null);
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
            return new("TorchSharp", "does not load", e.Message);
        }
    }

    private static Finding Cuda()
    {
        try
        {
            return new("CUDA for training", ComputeDevice.DescribeCuda());
        }
        catch (DeviceException)
        {
            return new("CUDA for training", "unknown, as TorchSharp does not load");
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
            return new("ONNX Runtime", "does not load", e.Message);
        }
    }

    private static IEnumerable<Finding> Datasets()
    {
        var folders = Directory.Exists("data")
            ? Directory.GetDirectories("data").Where(folder => File.Exists(Path.Combine(folder, Dataset.ManifestName))).Order().ToList()
            : [];
        if (folders.Count == 0)
        {
            yield return new("data sets", "none prepared in data/ (`airbench run --demo` needs none)");
        }
        foreach (var folder in folders)
        {
            yield return Check(folder);
        }
    }

    private static Finding Check(string folder)
    {
        try
        {
            var dataset = Dataset.Open(folder);
            using var train = dataset.OpenSplit(Split.Train);
            using var test = dataset.OpenSplit(Split.Test);
            var (classes, size) = (dataset.Manifest.Classes.Count, train.ImageSize);
            return new(folder, string.Create(CultureInfo.InvariantCulture, $"{train.Count:N0} train, {test.Count:N0} test, {classes} classes, {size}x{size}"));
        }
        catch (InvalidFileException e)
        {
            return new(folder, "damaged", $"{e.Message}; prepare it again");
        }
    }
}
