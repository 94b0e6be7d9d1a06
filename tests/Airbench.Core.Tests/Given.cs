namespace Airbench.Tests;

/// <summary>Benchmarks as they could have been measured.</summary>
internal static class Given
{
    public static BenchmarkMachine Machine => new()
    {
        Cpu = "A Chip",
        Cores = 2,
        MemoryGb = 24,
        Os = "Linux",
        Runtime = ".NET",
        Clock = new ClockSource("Stopwatch", 1_000_000_000, IsHighResolution: true),
    };

    /// <summary>Runs of 100 steps with these seconds; accuracies 0.940, 0.941, 0.942, ...; $3.60 an hour.</summary>
    public static BenchmarkReport Train(params double[] seconds)
    {
        var recipe = Recipe.All["airbench94"];
        var result = new TrainBenchmarkResult
        {
            Protocol = TimingProtocol.Airbench,
            Recipe = recipe,
            RecipeSha256 = Hash.OfText(Json.Write(recipe)),
            Device = "cpu",
            Precision = "bf16",
            DatasetName = "drawn",
            DatasetSha256 = Hash.OfText("drawn"),
            Synthetic = true,
            WarmUp = false,
            TargetAccuracy = 0.94,
            UsdPerHour = 3.6,
        };
        var runs = seconds.Select((s, i) => new BenchmarkRun(1 + i, 0.93, 0.94 + (0.001 * i), s, s, 100));
        return Report() with { Train = result.With([.. runs]) };
    }

    /// <summary>Batch sizes 1 and 16 in ten rounds of five calls; the rounds scatter by about 1%, all of it times <paramref name="factor"/>.</summary>
    public static BenchmarkReport Model(double factor, int seed = 1)
    {
        var random = new Random(seed);
        IReadOnlyList<double> Round(double ms) => [.. Enumerable.Range(0, 5).Select(_ => ms * factor * (0.98 + (0.04 * random.NextDouble())))];
        List<IReadOnlyList<double>> Rounds(double ms) => [.. Enumerable.Range(0, 10).Select(_ => Round(ms))];
        return Report() with
        {
            Model = new ModelBenchmarkResult
            {
                Variant = "fp32",
                ModelSha256 = Hash.OfText("model"),
                BundleName = "small",
                WeightsSha256 = Hash.OfText("weights"),
                Recipe = "airbench94",
                ImageSize = 32,
                Pixels = "random",
                WarmUpCalls = 10,
                Rows =
                [
                    LatencyRow.Of("cpu", "CPUExecutionProvider", 1, Rounds(2)),
                    LatencyRow.Of("cpu", "CPUExecutionProvider", 16, Rounds(20)),
                ],
            },
        };
    }

    private static BenchmarkReport Report() => new()
    {
        ProductVersion = "1.0.0",
        StartedUtc = "2026-01-02T03:04:05Z",
        Machine = Machine,
        Threads = 2,
        Versions = new Dictionary<string, string> { ["libtorch"] = "2.10.0" },
    };
}
