namespace Airbench;

/// <summary><c>benchmark.json</c>: what was measured, on what, and every raw sample.</summary>
public sealed record BenchmarkReport
{
    /// <summary>Product version that measured.</summary>
    public required string ProductVersion { get; init; }

    /// <summary>Start, ISO 8601 in UTC.</summary>
    public required string StartedUtc { get; init; }

    /// <summary>Where.</summary>
    public required BenchmarkMachine Machine { get; init; }

    /// <summary>Threads of the native runtime; 0 is its own choice, one per core.</summary>
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
        var report = Json.Read<BenchmarkReport>(file);
        return report.Problem() is { } problem ? throw new InvalidFileException(file, problem) : report;
    }

    private string? Problem() => this switch
    {
        { Train: not null, Model: not null } => "has both 'train' and 'model'; expected one of them",
        { Train: { } train } => train.Problem(),
        { Model: { } model } => model.Problem(),
        _ => "has neither 'train' nor 'model'; expected one of them",
    };
}
