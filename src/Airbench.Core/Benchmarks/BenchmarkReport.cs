using System.ComponentModel.DataAnnotations;

namespace Airbench;

/// <summary><c>benchmark.json</c>: what was measured, on what, and every raw sample.</summary>
public sealed record BenchmarkReport : IChecked
{
    /// <summary>Product version that measured.</summary>
    public required string ProductVersion { get; init; }

    /// <summary>Start, ISO 8601 in UTC.</summary>
    public required string StartedUtc { get; init; }

    /// <summary>Where.</summary>
    public required BenchmarkMachine Machine { get; init; }

    /// <summary>Threads of the native runtime; 0 is its own choice, one per core.</summary>
    [Range(0, int.MaxValue)]
    public required int Threads { get; init; }

    /// <summary>Versions of the packages that did the work, by name.</summary>
    public required IReadOnlyDictionary<string, string> Versions { get; init; }

    /// <summary>Set where training was measured.</summary>
    public TrainBenchmarkResult? Train { get; init; }

    /// <summary>Set where a model's latency was measured.</summary>
    public ModelBenchmarkResult? Model { get; init; }

    /// <summary>Set where an earlier benchmark was given to compare with.</summary>
    public BenchmarkComparison? Against { get; init; }

    /// <summary>Reads and checks a report; a folder stands for the <c>benchmark.json</c> in it.</summary>
    /// <exception cref="InvalidFileException">It is missing, damaged, or its numbers cannot be measurements.</exception>
    public static BenchmarkReport Read(string path)
    {
        var file = Directory.Exists(path) ? Path.Combine(path, Benchmark.ManifestName) : path;
        return Json.Read<BenchmarkReport>(file);
    }

    /// <inheritdoc/>
    IEnumerable<string> IChecked.Problems() => (Train, Model) switch
    {
        (not null, not null) => ["train: found, and 'model' too; expected one of them"],
        (null, null) => ["train: absent, and 'model' too; expected one of them"],
        _ => [],
    };
}
