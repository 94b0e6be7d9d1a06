using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Airbench.Cli;

/// <summary>What the machine has, whatever the pipeline.</summary>
internal static class MachineChecks
{
    private const double LeastMemory = 2e9;
    private const double LeastDisk = 1e9;

    public static IEnumerable<Finding> All(string root, BenchmarkMachine machine) =>
    [
        new("system", $"{machine.Os}; {machine.Runtime}; airbench {Short(Product.Version)}"),
        Processor(machine),
        Memory(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes),
        Disk(Surroundings.FreeSpace(root)),
        .. Folder(root),
        Gpu(machine.Gpu),
    ];

    /// <summary>"0.1.0+7fbc646": seven digits of a commit are enough.</summary>
    private static string Short(string version) =>
        version.IndexOf('+', StringComparison.Ordinal) is >= 0 and var plus ? version[..Math.Min(version.Length, plus + 8)] : version;

    private static Finding Processor(BenchmarkMachine machine)
    {
        (string Name, bool Has)[] features =
            [("AVX512-BF16", CpuFeatures.HasAvx512Bf16), ("AMX-BF16", CpuFeatures.HasAmxBf16), ("AVX512-VNNI", CpuFeatures.HasAvx512Vnni), ("AVX-VNNI", CpuFeatures.HasAvxVnni)];
        var present = features.Where(feature => feature.Has).Select(feature => feature.Name);
        var missing = (CpuFeatures.HasBf16, CpuFeatures.HasVnni) switch
        {
            (true, true) => null,
            (false, false) => "no AVX512-BF16 and no AVX512-VNNI: training takes fp32, int8 models gain less",
            (false, true) => "no AVX512-BF16: training takes fp32",
            _ => "no AVX512-VNNI: int8 models gain less",
        };
        var found = string.Join(", ", [machine.Cpu, $"{machine.Cores} cores", .. present]);
        return missing is null ? new("processor", found) : Finding.Note("processor", $"{found}; {missing}");
    }

    private static Finding Memory(long bytes) => bytes < LeastMemory
        ? Finding.Problem("memory", $"{Gigabytes(bytes)}; the smallest training needs about {Gigabytes(LeastMemory)}", null)
        : new("memory", Gigabytes(bytes));

    private static Finding Disk(long? freeBytes) => freeBytes switch
    {
        null => new("disk", $"the system does not tell how much is free here; a run needs about {Gigabytes(LeastDisk)}"),
        < (long)LeastDisk => Finding.Problem(
            "disk", $"{Gigabytes(freeBytes.Value)} free here; a run needs about {Gigabytes(LeastDisk)}", "free some space, or run in another folder"),
        _ => new("disk", $"{Gigabytes(freeBytes.Value)} free here"),
    };

    /// <summary>Results go to folders below this one.</summary>
    internal static IEnumerable<Finding> Folder(string root)
    {
        var probe = Path.Combine(root, $".airbench-{Path.GetRandomFileName()}");
        try
        {
            using (File.Create(probe, 1, FileOptions.DeleteOnClose))
            {
            }
            return [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [Finding.Problem("folder", $"{root} cannot be written: {e.Message}", "run in a folder of yours: data/, models/, exports/ and runs/ are made there")];
        }
    }

    /// <summary>NVIDIA GPUs as the driver and its own tool tell them.</summary>
    private static Finding Gpu(string? models)
    {
        const string Version = "/proc/driver/nvidia/version";
        if (NvidiaSmi() is { } told)
        {
            return new("GPU", told);
        }

        if (models is not null)
        {
            return new("GPU", File.Exists(Version) ? $"{models}; {File.ReadLines(Version).First()}" : models);
        }

        return new("GPU", "none: training and inference run on the CPU");
    }

    /// <summary>"NVIDIA H100 80GB HBM3, 81559 MiB, 570.86.15"; null where there is no such tool or no GPU.</summary>
    private static string? NvidiaSmi()
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo("nvidia-smi", ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var output = process.StandardOutput.ReadToEndAsync();
            if (!process.WaitForExit(TimeSpan.FromSeconds(10)))
            {
                process.Kill();
                return "nvidia-smi does not answer: the driver hangs";
            }
            var gpus = output.Result.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            return process.ExitCode == 0 && gpus.Length > 0 ? string.Join("; ", gpus) : null;
        }
        catch (Win32Exception)
        {
            return null;   // not installed
        }
    }

    public static string Gigabytes(double bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.0} GB");
}
