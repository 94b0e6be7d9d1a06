using System.Text.RegularExpressions;

namespace Airbench.Tests;

/// <summary><c>airbench benchmark train|model</c> through the real command line.</summary>
public sealed class BenchmarkTests : IDisposable
{
    private static readonly string[] Train =
    [
        "benchmark", "train", "--dataset", "data/tiny", "--runs", "2", "--epochs", "0.5", "--batch-size", "256", "--widths", "8,16,16",
        "--precision", "fp32", "--device", "cpu", "--usd-per-hour", "2.5", "--target", "0.99",
    ];

    private static readonly string[] Model =
    [
        "benchmark", "model", "--bundle", "exports/small", "--batch-sizes", "1,4", "--min-calls", "6", "--min-seconds", "0", "--rounds", "3",
        "--device", "cpu",
    ];

    private readonly Workplace _place = new Workplace().With("pipeline.yaml", Workplace.SmallPipeline);

    public void Dispose() => _place.Dispose();

    [Fact]
    public void Training_is_measured_compared_with_an_earlier_result_and_fails_where_it_became_slower()
    {
        var prepared = _place.Run("prepare", "--source", "synthetic", "--train-count", "2048", "--test-count", "128", "--name", "tiny");
        Assert.True(prepared.ExitCode == 0, prepared.Errors);
        var (code, output, errors) = _place.Run(Train);
        Assert.True(code == 0, output + errors);
        var first = Benchmark.Open(Newest("benchmark_train"));
        Assert.Equal([1, 2], first.Report.Train!.Runs.Select(run => run.Seed));
        Assert.All(first.Report.Train.Runs, run => Assert.Equal(4, run.Steps));   // half an epoch of 2048 images in batches of 256
        Assert.Matches(@"run 2 of 2: seed 2, [0-9.]+% with TTA, [0-9.]+% plain, [0-9.]+ s", output);
        Assert.Contains("target    99.00%: NOT reached by the mean (synthetic data)", output, StringComparison.Ordinal);
        Assert.Matches(@"cost      \$0\.\d{4} per run, WITHOUT reaching the target, at \$2\.50 an hour", output);
        Assert.Matches(@"cost of the run: \$0\.\d{4} at \$2\.50 an hour", output);
        Assert.Equal(2 + 1, File.ReadAllLines(first.File(Benchmark.TableName)).Length);
        var times = File.ReadAllLines(Path.Combine(first.Folder, "..", "timings.csv")).Select(row => row.Split(',')).ToList();
        Assert.Matches(@"^0\.\d{6}$", times[1][Array.IndexOf(times[0], "usd")]);

        // Even the noisiest repetition is slower than runs of no time, by more than its interval is wide.
        Benchmark.Write(_place["steady"], first.Report with { Train = first.Report.Train.With([.. Steady(first.Report.Train.Runs)]) });
        var slower = _place.Run([.. Train, "--against", "steady", "--tolerance", "0.05"]);
        Assert.Equal(1, slower.ExitCode);
        Assert.Matches(@"slower than steady \(tolerance 0\.05\): seconds a run: [0-9.]+ times the earlier, 95% interval [0-9.]+ to [0-9.]+", slower.Errors);
        Assert.DoesNotContain("   at ", slower.Errors, StringComparison.Ordinal);
        Assert.NotNull(Benchmark.Open(Newest("benchmark_train")).Report.Against);

        var other = _place.Run([.. Train, "--momentum", "0.8", "--against", "steady/benchmark.json"]);
        Assert.Equal(2, other.ExitCode);
        Assert.Contains("not comparable: recipe.momentum 0.8 here, 0.85 there", other.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_is_measured_by_batch_size_and_compared()
    {
        var made = _place.Run("run", "--set", "train.with.epochs=0.5");
        Assert.True(made.ExitCode == 0, made.Errors);
        var (code, output, errors) = _place.Run(Model);
        Assert.True(code == 0, output + errors);
        var first = Benchmark.Open(Newest("benchmark_model"));
        Assert.Equal([1, 4], first.Report.Model!.Rows.Select(row => row.BatchSize));
        Assert.All(first.Report.Model.Rows, row => Assert.Equal(6, row.Calls));
        Assert.Matches(new Regex(@"^ +4 +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9,.]+ +6$", RegexOptions.Multiline), output);

        var compared = _place.Run([.. Model, "--against", Path.GetRelativePath(_place.Folder, first.Folder), "--tolerance", "100"]);
        Assert.True(compared.ExitCode == 0, compared.Errors);
        Assert.Contains("  median latency, batch 4 on CPUExecutionProvider: ", compared.Output, StringComparison.Ordinal);

        _place.With("damaged.json", "{ \"model\": 3 }");
        var damaged = _place.Run([.. Model, "--against", "damaged.json"]);
        Assert.Equal(1, damaged.ExitCode);
        Assert.Contains("damaged.json: is not a valid BenchmarkReport", damaged.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Both_are_stages_of_a_pipeline()
    {
        _place.With("bench.yaml", Workplace.SmallPipeline +
            """
              speed:
                uses: benchmark_train
                needs: [prepare]
                with: { epochs: 0.5, batch_size: 64, widths: [4, 8, 8], runs: 2, protocol: wall }
              latency:
                uses: benchmark_model
                needs: [export]
                with: { batch_sizes: [2], min_calls: 4, min_seconds: 0, rounds: 2 }

            """);
        var (code, output, errors) = _place.Run("run", "bench.yaml", "--set", "usd_per_hour=36", "--quiet");
        Assert.True(code == 0, output + errors);
        Assert.Equal(TimingProtocol.Wall, Benchmark.Open(Newest("speed")).Report.Train!.Protocol);
        Assert.Equal(36, Benchmark.Open(Newest("speed")).Report.Train!.UsdPerHour);
        Assert.Equal(2, Assert.Single(Benchmark.Open(Newest("latency")).Report.Model!.Rows).BatchSize);
        Assert.Contains("usd_per_hour: 36\n", File.ReadAllText(Path.Combine(Newest("speed"), "..", "pipeline.resolved.yaml")), StringComparison.Ordinal);
    }

    /// <summary>The folder that a stage of the last run left.</summary>
    private string Newest(string stage) => Directory.GetDirectories(_place["runs"], stage, SearchOption.AllDirectories)
        .Where(folder => Path.GetFileName(Path.GetDirectoryName(folder)) != "_record")
        .OrderBy(folder => Path.GetFileName(Path.GetDirectoryName(folder)), StringComparer.Ordinal).Last();

    /// <summary>Twenty runs that took next to no time, at a steady pace.</summary>
    private static IEnumerable<BenchmarkRun> Steady(IReadOnlyList<BenchmarkRun> runs) =>
        Enumerable.Range(0, 20).Select(i => runs[0] with { Seed = 1 + i, Seconds = 1e-12 * (1 + (0.001 * i)) });
}
