using Airbench.Onnx;

namespace Airbench.Tests;

public sealed class ModelBenchmarkTests : IDisposable
{
    private static readonly ModelBenchmarkOptions Short = new() { BatchSizes = [3, 1], MinCalls = 7, MinSeconds = 0, Rounds = 3, WarmUpCalls = 1 };
    private readonly Bundles _bundles = new();

    public void Dispose() => _bundles.Dispose();

    [Fact]
    public void Each_batch_size_is_a_row_with_every_call_by_round()
    {
        var bundle = _bundles.Export();
        var benchmark = Run(bundle, Short);
        var model = benchmark.Report.Model!;
        Assert.Equal([3, 1], model.Rows.Select(row => row.BatchSize));
        Assert.All(model.Rows, row =>
        {
            Assert.Equal(("cpu", "CPUExecutionProvider"), (row.Device, row.Provider));
            Assert.Equal([3, 3, 3], row.RoundsMs.Select(round => round.Count));   // 7 calls in three equal rounds
            Assert.Equal(LatencyRow.Of(row.Device, row.Provider, row.BatchSize, row.RoundsMs) with { RoundsMs = row.RoundsMs }, row);
            Assert.True(row.P50Ms <= row.P90Ms && row.P90Ms <= row.P99Ms, "percentiles rise");
        });
        Assert.Equal(bundle.Manifest.Variants["fp32"].Sha256, model.ModelSha256);
        Assert.Equal(["benchmark.csv", "benchmark.json"], Directory.GetFiles(benchmark.Folder).Select(Path.GetFileName).Order());
        Assert.Equal(
            ["device,provider,batch_size,calls,p50_ms,p90_ms,p99_ms,images_per_second", "cpu,CPUExecutionProvider,3,9", "cpu,CPUExecutionProvider,1,9"],
            File.ReadLines(benchmark.File(Benchmark.TableName)).Select((line, i) => i == 0 ? line : string.Join(',', line.Split(',').Take(4))));
    }

    [Fact]
    public void Both_the_least_time_and_the_least_calls_are_kept()
    {
        var row = Run(_bundles.Export(), Short with { BatchSizes = [1], MinSeconds = 0.06 }).Report.Model!.Rows[0];
        Assert.All(row.RoundsMs, round => Assert.True(round.Sum() >= 20 - 0.01 && round.Count >= 3, "a round ended too early"));
    }

    [Fact]
    public void A_result_compares_with_itself_and_not_with_training()
    {
        var bundle = _bundles.Export();
        var earlier = Run(bundle, Short).Report;
        var again = BenchmarkComparison.Of(earlier, earlier, "itself");
        Assert.All(again.Quantities, quantity => Assert.Equal(1, quantity.Ratio.Value));
        Assert.Empty(again.Warnings);
        Assert.Empty(again.Regressions(0));
        var other = earlier with { Model = earlier.Model! with { ImageSize = 224 } };
        Assert.Throws<ConfigurationException>(() => Run(bundle, Short, (other, "other")));
    }

    [Fact]
    public void Unknown_variants_and_devices_are_refused()
    {
        var bundle = _bundles.Export();
        Assert.Throws<ConfigurationException>(() => Run(bundle, Short with { Model = "int4" }));
        Assert.Throws<ConfigurationException>(() => Run(bundle, Short with { Devices = ["tpu"] }));
        var twice = Assert.Throws<ConfigurationException>(() => Run(bundle, Short with { Devices = ["cpu", "cpu"] }));
        Assert.Contains("the same device twice", twice.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_bundles.File("benchmark")));
    }

    [Fact]
    public void Every_option_has_its_bounds()
    {
        Assert.Empty(ModelBenchmarkOptions.Check(new()));
        var problems = ModelBenchmarkOptions.Check(new()
        {
            Model = "",
            BatchSizes = [1, 1],
            Devices = ["cpu", "cpu"],
            Threads = -1,
            WarmUpCalls = -1,
            MinCalls = 0,
            MinSeconds = double.NaN,
            Rounds = 1,
            Against = "",
            Tolerance = -1,
        });
        Assert.Equal(
            ["model", "batch_sizes", "devices", "threads", "warm_up_calls", "min_calls", "min_seconds", "rounds", "against", "tolerance"],
            problems.Select(problem => problem.Split(':')[0]));
        Assert.All((IReadOnlyList<int>[])[[], [0], [10_001]], sizes => Assert.Single(ModelBenchmarkOptions.Check(new() { BatchSizes = sizes })));
    }

    private Benchmark Run(OnnxBundle bundle, ModelBenchmarkOptions options, (BenchmarkReport, string)? earlier = null) =>
        ModelBenchmark.Run(bundle, options, "cpu", seed: 1, earlier, _bundles.File("benchmark"), IProgress.Silent, CancellationToken.None);
}
