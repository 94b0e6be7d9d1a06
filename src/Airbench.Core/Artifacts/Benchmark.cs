namespace Airbench;

/// <summary>A benchmark: <c>benchmark.json</c> with every raw sample, and <c>benchmark.csv</c>, a row a run or a batch size.</summary>
public sealed record Benchmark(string Folder, BenchmarkReport Report) : Artifact(Folder)
{
    /// <summary>Name of the manifest inside the folder.</summary>
    public const string ManifestName = "benchmark.json";

    /// <summary>Name of the table inside the folder.</summary>
    public const string TableName = "benchmark.csv";

    /// <summary>Opens the benchmark in <paramref name="folder"/>.</summary>
    /// <exception cref="InvalidFileException">There is no benchmark, or it is damaged.</exception>
    public static Benchmark Open(string folder) => new(folder, BenchmarkReport.Read(Path.Combine(folder, ManifestName)));

    /// <summary>Writes a benchmark, whole or not at all; <c>benchmark.json</c> comes last.</summary>
    public static Benchmark Write(string folder, BenchmarkReport report)
    {
        using var build = AtomicFolder.Create(folder);
        BenchmarkTable.Write(build.File(TableName), report);
        System.IO.File.WriteAllText(build.File(ManifestName), Json.Write(report));
        return new Benchmark(build.Commit(), report);
    }
}
