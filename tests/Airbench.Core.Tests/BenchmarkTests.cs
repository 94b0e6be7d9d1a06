using System.Text.Json.Nodes;

namespace Airbench.Tests;

public sealed class BenchmarkTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_benchmark_survives_its_file_with_every_sample()
    {
        var report = Given.Train(10, 11, 12.5);
        var benchmark = Benchmark.Write(_folder.File("b"), report);
        Assert.Equal(Json.Write(report), Json.Write(Benchmark.Open(_folder.File("b")).Report));
        Assert.Equal(Json.Write(report), Json.Write(BenchmarkReport.Read(benchmark.File(Benchmark.ManifestName))));
        var rows = File.ReadAllLines(benchmark.File(Benchmark.TableName));
        Assert.Equal("seed,accuracy_plain,accuracy_tta,seconds,train_seconds,steps,steps_per_second,usd", rows[0]);
        Assert.Equal("1,0.93,0.94,10,10,100,10,0.01", rows[1]);   // 10 s at $3.60 an hour
        Assert.Equal(4, rows.Length);
    }

    [Fact]
    public void A_train_result_follows_from_its_runs()
    {
        var train = Given.Train(10, 11, 12.5).Train!;
        Assert.Equal((300 / 33.5, 33.5 / 3, 33.5 / 3 / 1000), (train.StepsPerSecond, train.Seconds!.Mean, train.UsdPerRun!.Value));
        Assert.Equal((3, 0.941), (train.Accuracy!.Count, Math.Round(train.Accuracy.Mean, 9)));
        Assert.True(train.TargetReached);
        Assert.Equal(train.Accuracy.ProbabilityUnderTarget(0.94), train.TargetPValue);
        Assert.False((train with { TargetAccuracy = 0.95 }).With(train.Runs).TargetReached);
    }

    [Fact]
    public void A_latency_row_follows_from_its_calls()
    {
        var row = LatencyRow.Of("cpu", "CPUExecutionProvider", 16, [[4, 1, 2], [3, 10]]);
        Assert.Equal((5, 3, 10, 10, 16 * 5 / 0.020), (row.Calls, row.P50Ms, row.P90Ms, row.P99Ms, row.ImagesPerSecond));
    }

    [Theory]
    [InlineData("null", "is the JSON value null")]
    [InlineData("{ \"machine\"", "is not a valid BenchmarkReport")]
    [InlineData("{}", "is not a valid BenchmarkReport")]
    public void A_file_that_is_no_benchmark_is_refused_by_name(string text, string problem)
    {
        var path = _folder.Write("benchmark.json", System.Text.Encoding.UTF8.GetBytes(text));
        var error = Assert.Throws<InvalidFileException>(() => BenchmarkReport.Read(path));
        Assert.StartsWith($"{path}: {problem}", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("train.runs", "[]", "train.runs: empty; expected at least one run")]
    [InlineData("train.runs.0.seconds", "0", "train.runs[0].seconds: 0; expected more than 0")]
    [InlineData("train.runs.1.seconds", "-1", "train.runs[1].seconds: -1; expected more than 0")]
    [InlineData("train.runs.2.accuracy_tta", "94.1", "train.runs[2].accuracy_tta: 94.1; expected 0 to 1")]
    [InlineData("train", "null", "train: absent, and 'model' too; expected one of them")]
    public void Numbers_that_cannot_be_measurements_are_refused(string where, string value, string problem) =>
        Assert.EndsWith(problem, Assert.Throws<InvalidFileException>(() => Damaged(Given.Train(1, 2, 3), where, value)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("model.rows", "[]", "model.rows: empty; expected at least one")]
    [InlineData("model.rows.0.rounds_ms", "[]", "model.rows: found a round without calls")]
    [InlineData("model.rows.0.rounds_ms.0", "[]", "model.rows: found a round without calls")]
    [InlineData("model.rows.0.rounds_ms.0.0", "0", "model.rows: found a latency of 0 or less")]
    [InlineData("model.rows.0.batch_size", "0", "model.rows[0].batch_size: 0; expected 1 or more")]
    [InlineData("model.rows.0.batch_size", "16", "model.rows: found a provider and batch size twice")]
    public void Latencies_that_cannot_be_measurements_are_refused(string where, string value, string problem) =>
        Assert.EndsWith(
            problem, Assert.Throws<InvalidFileException>(() => Damaged(Given.Model(1), where, value)).Message, StringComparison.Ordinal);

    [Fact]
    public void The_machine_is_told_in_words()
    {
        var machine = BenchmarkMachine.Current();
        Assert.NotEmpty(machine.Cpu);
        Assert.Equal(Environment.ProcessorCount, machine.Cores);
        Assert.InRange(machine.MemoryGb, 0.1, 100_000);
        Assert.True(machine.Clock.Frequency >= 1_000_000, "a clock of microseconds or better");
    }

    [Fact]
    public void Processor_and_gpus_are_read_from_the_systems_text_files()
    {
        var cpus = _folder.Write("cpuinfo", "processor\t: 0\nmodel name\t: A Chip: 9000\nprocessor\t: 1\nmodel name\t: B\n"u8);
        _folder.Write("gpus/0000:02:00.0/information", "Model: \t\t NVIDIA Two\nIRQ: 7\n"u8);
        _folder.Write("gpus/0000:01:00.0/information", "IRQ: 7\nModel: \t\t NVIDIA One\n"u8);
        Assert.Equal("A Chip: 9000", BenchmarkMachine.CpuModel(cpus));
        Assert.Equal("NVIDIA One, NVIDIA Two", BenchmarkMachine.GpuModels(_folder.File("gpus")));
        Assert.Null(BenchmarkMachine.GpuModels(_folder.File("none")));
        Assert.NotEmpty(BenchmarkMachine.CpuModel(_folder.File("none")));
    }

    /// <summary>Reads the report back with one JSON value replaced.</summary>
    private BenchmarkReport Damaged(BenchmarkReport report, string where, string value)
    {
        var root = JsonNode.Parse(Json.Write(report))!;
        var (node, path) = (root, where.Split('.'));
        foreach (var key in path[..^1])
        {
            node = node is JsonArray list ? list[int.Parse(key, System.Globalization.CultureInfo.InvariantCulture)]! : node[key]!;
        }
        if (node is JsonArray array)
        {
            array[int.Parse(path[^1], System.Globalization.CultureInfo.InvariantCulture)] = JsonNode.Parse(value);
        }
        else
        {
            node[path[^1]] = JsonNode.Parse(value);
        }

        return BenchmarkReport.Read(_folder.Write("benchmark.json", System.Text.Encoding.UTF8.GetBytes(root.ToJsonString())));
    }
}
