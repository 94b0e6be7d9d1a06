using TorchSharp;

namespace Airbench.Tests;

public sealed class TrainBenchmarkTests : IDisposable
{
    private static readonly TrainBenchmarkOptions Options = new TrainBenchmarkOptions { Precision = Precision.Fp32, Threads = 2, Runs = 2 }
        .Changing(recipe => recipe with { Widths = [4, 8, 8], BatchSize = 32, Epochs = 1 });

    private readonly TinySet _set = new(train: 64, test: 16);

    public void Dispose() => _set.Dispose();

    [Theory]
    [InlineData(TimingProtocol.Airbench, WarmUp.Auto)]
    [InlineData(TimingProtocol.Airbench, WarmUp.On)]
    [InlineData(TimingProtocol.Wall, WarmUp.Auto)]
    public void Every_protocol_trains_the_networks_of_the_train_stage(TimingProtocol protocol, WarmUp warmUp)
    {
        var trained = _set.Train((TinySet.Options with { Runs = 2 }).Changing(recipe => recipe with { Epochs = 1 }), seed: 5).Manifest.Runs;
        var result = Run(Options with { Protocol = protocol, WarmUp = warmUp }).Report.Train!;
        Assert.Equal(
            trained.Select(run => (run.Seed, run.AccuracyPlain, run.AccuracyTta, run.Steps)),
            result.Runs.Select(run => (run.Seed, run.AccuracyPlain, run.AccuracyTta, run.Steps)));
        Assert.Equal((protocol, warmUp == WarmUp.On), (result.Protocol, result.WarmUp));
    }

    [Fact]
    public void Wall_counts_the_start_and_the_loading_on_top_of_the_airbench_seconds()
    {
        var wall = Run(Options with { Protocol = TimingProtocol.Wall }).Report.Train!;
        Assert.All(wall.Runs, run => Assert.True(run.Seconds > run.TrainSeconds + wall.StartupSeconds!.Value, "wall counts less than its parts"));
        var airbench = Run(Options).Report.Train!;
        Assert.All(airbench.Runs, run => Assert.Equal(run.TrainSeconds, run.Seconds));
        Assert.Null(airbench.StartupSeconds);
    }

    [Fact]
    public void The_report_says_what_was_measured_and_on_what()
    {
        var report = Run(Options with { Target = 0.5 }, usdPerHour: 36).Report;
        var train = report.Train!;
        Assert.Equal((Options.ToRecipe().Epochs, 0.5, 36.0), (train.Recipe.Epochs, train.TargetAccuracy, train.UsdPerHour!.Value));
        Assert.Equal(Hash.OfText(Json.Write(train.Recipe)), train.RecipeSha256);
        Assert.Equal((_set.Dataset.Manifest.Sha256, true), (train.DatasetSha256, train.Synthetic));
        Assert.Equal(train.Runs.Average(run => run.Seconds) / 100, train.UsdPerRun!.Value, 12);
        Assert.Equal((2, "cpu", "fp32"), (report.Threads, train.Device, train.Precision));
        Assert.StartsWith("2.10", report.Versions["libtorch"], StringComparison.Ordinal);
        Assert.Equal(Recipe.All["airbench94"].TargetAccuracy, Run(Options).Report.Train!.TargetAccuracy);
    }

    [Fact]
    public void What_cannot_be_compared_is_refused_before_the_first_step()
    {
        var earlier = Run(Options).Report;
        var progress = new NoSteps();
        var other = Options.Changing(recipe => recipe with { Momentum = 0.8 });
        Assert.Throws<ConfigurationException>(() => Run(other, earlier: (earlier, "earlier"), progress: progress));
        Assert.False(progress.HasStarted);
    }

    [Fact]
    public void A_benchmark_keeps_no_native_tensor()
    {
        Run(Options);
        var before = LiveTensors.Count();
        Run(Options with { WarmUp = WarmUp.On });
        Run(Options with { Protocol = TimingProtocol.Wall });
        Assert.Equal(before, torch.Tensor.TotalCount);
    }

    [Fact]
    public void Options_that_contradict_each_other_are_told()
    {
        Assert.Empty(TrainBenchmarkOptions.Check(new()));
        Assert.Equal((5, 0), (new TrainBenchmarkOptions().Runs, new TrainBenchmarkOptions().ValidateEvery));
        var problems = TrainBenchmarkOptions.Check(new()
        {
            Runs = 0,
            Protocol = TimingProtocol.Wall,
            WarmUp = WarmUp.On,
            ValidateEvery = 1,
            Target = 94,
            Against = "",
            Tolerance = double.NaN,
        });
        Assert.Equal(
            ["runs", "warm_up", "validate_every", "target", "against", "tolerance"], problems.Select(problem => problem.Split(':')[0]));
    }

    private Benchmark Run(
        TrainBenchmarkOptions options, double? usdPerHour = null, (BenchmarkReport, string)? earlier = null, IProgress? progress = null) =>
        TrainBenchmark.Run(
            _set.Dataset, options, "cpu", seed: 5, usdPerHour, earlier, Path.Combine(_set.Root, "benchmark"), progress ?? IProgress.Silent,
            CancellationToken.None);

    private sealed class NoSteps : IProgress
    {
        public bool HasStarted { get; private set; }
        public void Info(string line) { }
        public void Warn(string line) { }
        public IProgressTask Start(string what, long total, string unit, long done = 0)
        {
            HasStarted = true;
            return IProgress.Silent.Start(what, total, unit, done);
        }
    }
}
