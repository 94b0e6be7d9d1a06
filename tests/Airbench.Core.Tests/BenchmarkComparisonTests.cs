namespace Airbench.Tests;

public sealed class BenchmarkComparisonTests : IDisposable
{
    private const double Tolerance = 0.05;
    private readonly TemporaryFolder _folder = new();
    private readonly RecordedProgress _progress = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_slowdown_past_the_tolerance_fails_with_its_numbers_and_keeps_the_benchmark()
    {
        var error = Assert.Throws<GateException>(() => Finish(Given.Train(12.0, 12.1, 12.2), Given.Train(10.0, 10.1, 10.2)));
        Assert.Equal(1, error.ExitCode);
        Assert.Matches(
            @"^slower than earlier\.json \(tolerance 0\.05\): seconds a run: 1\.198 times the earlier, " +
            @"95% interval 1\.17\d to 1\.22\d, all of it above 1\.050\. The benchmark is kept in ",
            error.Message);
        var kept = Benchmark.Open(_folder.File("now")).Report.Against!;
        Assert.Equal(("earlier.json", "1.0.0"), (kept.Earlier, kept.EarlierVersion));
        Assert.Equal(Math.Cbrt(12.0 * 12.1 * 12.2 / (10.0 * 10.1 * 10.2)), Assert.Single(kept.Quantities).Ratio.Value, 9);
    }

    [Theory]
    [InlineData(8.0, 8.1, 8.2)]       // faster
    [InlineData(10.3, 10.4, 10.5)]    // slower for sure, but within the tolerance
    [InlineData(8.0, 12.0, 18.0)]     // slower on average, in noise
    public void An_improvement_a_small_slowdown_and_noise_pass(params double[] seconds)
    {
        var against = Finish(Given.Train(seconds), Given.Train(10.0, 10.1, 10.2)).Report.Against!;
        Assert.Empty(against.Regressions(Tolerance));
        Assert.Contains("against earlier.json, new / old with 95% interval:", _progress.Infos);
    }

    [Fact]
    public void A_tighter_tolerance_catches_the_small_slowdown()
    {
        var now = Given.Train(10.3, 10.31, 10.32);
        Assert.Empty(BenchmarkComparison.Of(now, Given.Train(10.0, 10.01, 10.02), "e").Regressions(Tolerance));
        Assert.Single(BenchmarkComparison.Of(now, Given.Train(10.0, 10.01, 10.02), "e").Regressions(0.02));
    }

    [Fact]
    public void A_single_run_proves_nothing_and_says_so()
    {
        var against = Finish(Given.Train(30), Given.Train(10)).Report.Against!;
        var ratio = Assert.Single(against.Quantities).Ratio;
        Assert.Equal(3, ratio.Value, 9);
        Assert.Equal((null, null), (ratio.Low95, ratio.High95));
        Assert.Contains("a single run has no interval: no slowdown can be told from noise", _progress.Warnings);
    }

    [Fact]
    public void The_accuracy_difference_is_in_shares_and_told_in_points()
    {
        var (now, before) = (Given.Train(10, 10.1, 10.2), Given.Train(10, 10.1, 10.2));
        var better = now.Train!.With([.. now.Train!.Runs.Select(run => run with { AccuracyTta = run.AccuracyTta + 0.01 })]);
        var against = Finish(now with { Train = better }, before).Report.Against!;
        Assert.Equal(0.01, against.AccuracyDifference!.Value, 9);
        Assert.Contains(_progress.Infos, line => line.StartsWith("  accuracy: +1.00 percentage points (+0.77 to +1.23)", StringComparison.Ordinal));
    }

    [Fact]
    public void Everything_that_makes_training_incomparable_is_named_before_any_work()
    {
        var (now, earlier) = (Given.Train(1, 2), Given.Train(1, 2));
        var train = earlier.Train! with
        {
            Protocol = TimingProtocol.Wall,
            Recipe = earlier.Train!.Recipe with { Epochs = 5, Description = "other words", TargetAccuracy = 0.1 },
            DatasetName = "photos",
            DatasetSha256 = Hash.OfText("photos"),
        };
        var error = Assert.Throws<ConfigurationException>(
            () => BenchmarkComparison.RequireComparable(now with { Train = now.Train! with { Runs = [] } }, earlier with { Train = train }, "e.json"));
        Assert.Equal(
            "--against e.json: not comparable: protocol airbench here, wall there; recipe.epochs 9.9 here, 5 there; "
            + $"data set drawn ({Hash.OfText("drawn")[..12]}) here, photos ({Hash.OfText("photos")[..12]}) there. "
            + "Measure the earlier one again with the same settings",
            error.Message);
        Assert.Equal(2, error.ExitCode);
        Assert.Contains("it measured a model's latency, this is training", Refused(now, Given.Model(1)), StringComparison.Ordinal);
        Assert.Contains("it measured training, this is a model's latency", Refused(Given.Model(1), now), StringComparison.Ordinal);
    }

    [Fact]
    public void Another_machine_or_setting_is_a_warning()
    {
        var earlier = Given.Train(10, 10.1, 10.2);
        earlier = earlier with
        {
            Machine = earlier.Machine with { Cpu = "B Chip", Cores = 64, MemoryGb = 23.5 },
            Threads = 64,
            Train = earlier.Train! with { Precision = "fp32" },
            Versions = new Dictionary<string, string> { ["libtorch"] = "2.9.0" },
        };
        Finish(Given.Train(10, 10.1, 10.2), earlier);
        Assert.Equal(
            [
                "another machine, so the ratios are of the machines too: processor A Chip (then B Chip), 2 cores (then 64)",
                "2 threads, 64 then",
                "libtorch 2.10.0, 2.9.0 then",
                "bf16 on cpu, fp32 on cpu then",
            ],
            _progress.Warnings);
    }

    [Fact]
    public void A_model_that_became_slower_fails_by_latency_and_throughput_of_each_batch_size()
    {
        var error = Assert.Throws<GateException>(() => Finish(Given.Model(1.2, seed: 2), Given.Model(1)));
        Assert.Equal(2, error.Message.Split("median latency, batch").Length - 1);
        Assert.Matches(
            @"throughput, batch 16 on CPUExecutionProvider: 0\.8\d\d times the earlier, " +
            @"95% interval 0\.8\d\d to 0\.8\d\d, all of it below 0\.952",
            error.Message);
    }

    [Theory]
    [InlineData(0.8)]
    [InlineData(1.0)]
    [InlineData(1.03)]
    public void A_model_as_fast_as_before_or_faster_passes(double factor) =>
        Assert.Equal(4, Finish(Given.Model(factor, seed: 2), Given.Model(1)).Report.Against!.Quantities.Count);

    [Fact]
    public void Models_of_other_recipes_or_image_sizes_are_refused_and_another_file_or_batch_size_is_a_warning()
    {
        var (now, earlier) = (Given.Model(1), Given.Model(1));
        var model = earlier.Model!;
        Assert.Contains("of airbench96 there", Refused(now, earlier with { Model = model with { Recipe = "airbench96" } }), StringComparison.Ordinal);
        Assert.Contains("64 there", Refused(now, earlier with { Model = model with { ImageSize = 64 } }), StringComparison.Ordinal);

        var against = Finish(now, earlier with { Model = model with { ModelSha256 = Hash.OfText("again"), Rows = [model.Rows[0]] } }).Report.Against!;
        Assert.Equal(2, against.Quantities.Count);
        Assert.Equal(2, against.Warnings.Count);
        Assert.StartsWith("another model file: fp32 ", against.Warnings[0], StringComparison.Ordinal);
        Assert.Equal("nothing to compare batch 16 on CPUExecutionProvider with", against.Warnings[1]);
    }

    [Fact]
    public void The_earlier_report_is_found_by_its_file_or_its_folder_below_the_root()
    {
        Benchmark.Write(_folder.File("old"), Given.Train(1, 2));
        Assert.Null(BenchmarkReporter.Earlier(null, _folder.Path));
        Assert.Equal("old", BenchmarkReporter.Earlier("old", _folder.Path)!.Value.Path);
        Assert.Equal(2, BenchmarkReporter.Earlier("old/benchmark.json", _folder.Path)!.Value.Report.Train!.Runs.Count);
        Assert.Throws<InvalidFileException>(() => BenchmarkReporter.Earlier("none.json", _folder.Path));
    }

    [Fact]
    public void What_is_told_fits_a_terminal_of_80_columns()
    {
        var train = Given.Train(1000.5, 1100.25, 1234.75);
        var (missed, model) = (train with { Train = train.Train! with { TargetReached = false } }, Given.Model(1));
        foreach (var report in (BenchmarkReport[])[train, missed, model])
        {
            Assert.All(
                BenchmarkReporter.Lines(report with { Against = BenchmarkComparison.Of(report, report, "runs/cifar10/before") }),
                line => Assert.InRange(line.Length, 1, 80));
            Assert.All(BenchmarkReporter.Lines(report), line => Assert.InRange(line.Length, 1, 80));
        }
    }

    [Fact]
    public void A_target_that_was_missed_is_said_plainly_with_the_cost()
    {
        var missed = Given.Train(10, 11).Train! with { TargetAccuracy = 0.96 };
        var lines = BenchmarkReporter.Lines(Given.Train(1) with { Train = missed.With(missed.Runs) }).ToList();
        Assert.Contains("target    96.00%: NOT reached by the mean (synthetic data)", lines);
        Assert.Contains("cost      $0.0105 per run, WITHOUT reaching the target, at $3.60 an hour", lines);
        Assert.Contains("          no p-value: a single run shows no spread", BenchmarkReporter.Lines(Given.Train(10)));
    }

    private Benchmark Finish(BenchmarkReport now, BenchmarkReport earlier) =>
        BenchmarkReporter.Finish(now, (earlier, "earlier.json"), Tolerance, _folder.File("now"), _progress);

    private static string Refused(BenchmarkReport now, BenchmarkReport earlier) =>
        Assert.Throws<ConfigurationException>(() => BenchmarkComparison.Of(now, earlier, "e.json")).Message;
}
