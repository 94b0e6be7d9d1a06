using System.ComponentModel.DataAnnotations;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Airbench;

/// <summary>What a benchmark ran on: two results compare only where this is the same.</summary>
public sealed record BenchmarkMachine
{
    /// <summary>Processor model, or the architecture where the system does not tell.</summary>
    public required string Cpu { get; init; }

    /// <summary>Logical cores that the process may use.</summary>
    [Range(0, int.MaxValue)]
    public required int Cores { get; init; }

    /// <summary>Memory that the process may use, 10^9 bytes.</summary>
    [Range(0, double.MaxValue)]
    public required double MemoryGb { get; init; }

    /// <summary>Operating system.</summary>
    public required string Os { get; init; }

    /// <summary>.NET runtime.</summary>
    public required string Runtime { get; init; }

    /// <summary>NVIDIA GPUs that the driver lists, in its order; null where there is none.</summary>
    public string? Gpu { get; init; }

    /// <summary>The clock of all times.</summary>
    public required ClockSource Clock { get; init; }

    /// <summary>This machine.</summary>
    public static BenchmarkMachine Current() => new()
    {
        Cpu = CpuModel("/proc/cpuinfo"),
        Cores = Environment.ProcessorCount,
        MemoryGb = Math.Round(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9, 1),
        Os = RuntimeInformation.OSDescription,
        Runtime = RuntimeInformation.FrameworkDescription,
        Gpu = Gpus(),
        Clock = new ClockSource("System.Diagnostics.Stopwatch", Stopwatch.Frequency, Stopwatch.IsHighResolution),
    };

    /// <summary>NVIDIA GPUs that the driver lists, in its order; null where there is none.</summary>
    public static string? Gpus() => GpuModels("/proc/driver/nvidia/gpus");

    /// <summary>How this machine differs from an earlier one, in words; empty where it does not. Memory within 5% is the same.</summary>
    internal IEnumerable<string> DifferencesFrom(BenchmarkMachine earlier)
    {
        if (Cpu != earlier.Cpu)
        {
            yield return $"processor {Cpu} (then {earlier.Cpu})";
        }

        if (Cores != earlier.Cores)
        {
            yield return FormattableString.Invariant($"{Cores} cores (then {earlier.Cores})");
        }

        if (Math.Abs(MemoryGb - earlier.MemoryGb) > 0.05 * Math.Max(MemoryGb, earlier.MemoryGb))
        {
            yield return FormattableString.Invariant($"{MemoryGb:0.0} GB of memory (then {earlier.MemoryGb:0.0})");
        }

        if (Os != earlier.Os)
        {
            yield return $"system {Os} (then {earlier.Os})";
        }

        if (Runtime != earlier.Runtime)
        {
            yield return $"{Runtime} (then {earlier.Runtime})";
        }

        if (Gpu != earlier.Gpu)
        {
            yield return $"GPU {Gpu ?? "none"} (then {earlier.Gpu ?? "none"})";
        }
    }

    /// <summary>Linux tells the model in a text file; elsewhere the environment may.</summary>
    internal static string CpuModel(string file)
    {
        var line = System.IO.File.Exists(file)
            ? System.IO.File.ReadLines(file).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))
            : null;
        return line is not null ? line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim()
            : Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? RuntimeInformation.ProcessArchitecture.ToString();
    }

    /// <summary>The NVIDIA driver on Linux keeps a folder for each GPU, with its model in <c>information</c>.</summary>
    internal static string? GpuModels(string folder)
    {
        const string Key = "Model:";
        if (!Directory.Exists(folder))
        {
            return null;
        }

        var models = Directory.GetDirectories(folder).Order(StringComparer.Ordinal)
            .Select(gpu => Path.Combine(gpu, "information"))
            .Where(System.IO.File.Exists)
            .Select(file => System.IO.File.ReadLines(file).FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal)))
            .OfType<string>()
            .Select(line => line[Key.Length..].Trim())
            .ToList();
        return models.Count == 0 ? null : string.Join(", ", models);
    }
}

/// <summary>The clock that measured.</summary>
/// <param name="Name">What was read.</param>
/// <param name="Frequency">Ticks a second.</param>
/// <param name="IsHighResolution">Whether it is the system's monotonic high-resolution counter.</param>
public sealed record ClockSource(string Name, [property: Range(0, long.MaxValue)] long Frequency, bool IsHighResolution);
