using System.Diagnostics;
using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>The <c>benchmark_train</c> stage: the same recipe several times, timed by a stated protocol.</summary>
public static class TrainBenchmark
{
    /// <summary>Trains <see cref="TrainOptions.Runs"/> networks with consecutive seeds and keeps their numbers, not their weights.</summary>
    /// <param name="dataset">What to learn.</param>
    /// <param name="options">Recipe, changes to it, protocol, target.</param>
    /// <param name="deviceName">auto, cpu, cuda or cuda:N.</param>
    /// <param name="seed">Seed of the first run; run i has seed + i.</param>
    /// <param name="usdPerHour">Price of the machine, or null.</param>
    /// <param name="earlier">A report to compare with and its path; what cannot be compared is refused before the first run.</param>
    /// <param name="folder">Where <c>benchmark.json</c> and <c>benchmark.csv</c> go, whole or not at all.</param>
    /// <param name="progress">Every run as it ends, then what follows from them.</param>
    /// <param name="cancel">Answered within a step.</param>
    /// <exception cref="ConfigurationException">The earlier report is of something else.</exception>
    /// <exception cref="DeviceException">The device is not there.</exception>
    /// <exception cref="DivergedException">The loss of a run is not finite.</exception>
    /// <exception cref="GateException">A slowdown beyond <see cref="TrainBenchmarkOptions.Tolerance"/>; the benchmark is written all the same.</exception>
    public static Benchmark Run(
        Dataset dataset, TrainBenchmarkOptions options, string deviceName, int seed, double? usdPerHour, (BenchmarkReport Report, string Path)? earlier,
        string folder, IProgress progress, CancellationToken cancel)
    {
        var started = DateTimeOffset.UtcNow;
        var startup = Stopwatch.StartNew();
        TorchRuntime.LoadWith(options.Threads);
        var recipe = BatchFit.Apply(options.ToRecipe(), dataset.Manifest.TrainCount, dataset.Manifest.ImageSize, options.Changes.ContainsKey("batch_size"), progress);
        var device = ComputeDevice.Resolve(deviceName, options.Precision, Choose).With(options, progress);
        using (zeros(1, device: device.Device))
        {
            device.Synchronize();   // the device itself starts with the first tensor
        }
        startup.Stop();
        device.Warn(progress);
        if (device.Choice is { } choice)
        {
            progress.Info($"precision: {choice}");
        }
        if (options.Trace && !(device.IsCuda && OperatingSystem.IsLinux()))
        {
            throw new DeviceException($"trace: true, but the training is on {device.Description}; expected CUDA on Linux. Remove it or choose another device");
        }
        var isWall = options.Protocol == TimingProtocol.Wall;
        var warmUp = options.WarmUp == WarmUp.On || (options.WarmUp == WarmUp.Auto && !isWall && device.Device.type == DeviceType.CUDA);
        var report = new BenchmarkReport
        {
            ProductVersion = Product.Version,
            StartedUtc = started.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
            Machine = BenchmarkMachine.Current(),
            Threads = get_num_threads(),
            Versions = TorchRuntime.Versions,
        };
        var result = new TrainBenchmarkResult
        {
            Protocol = options.Protocol,
            Recipe = recipe,
            RecipeSha256 = Hash.OfText(Json.Write(recipe)),
            Device = device.Description,
            Precision = device.PrecisionName,
            Rates = device.Choice?.Rates,
            DatasetName = dataset.Manifest.Name,
            DatasetSha256 = dataset.Manifest.Sha256,
            Synthetic = dataset.Manifest.IsSynthetic,
            WarmUp = warmUp,
            StartupSeconds = isWall ? startup.Elapsed.TotalSeconds : null,
            TargetAccuracy = options.Target ?? recipe.TargetAccuracy,
            UsdPerHour = usdPerHour,
        };
        if (earlier is { } other)
        {
            BenchmarkComparison.RequireComparable(report with { Train = result }, other.Report, other.Path);
        }
        var plan = TrainingPlan.For(recipe, dataset.Manifest.TrainCount);
        progress.Info($"{recipe.Name} on {device.Description}, {result.Precision}, {report.Threads} threads: {options.Runs} x {plan.TotalSteps} steps");

        var (runs, trace) = isWall
            ? (WallRuns(dataset, plan, options, device, seed, startup.Elapsed.TotalSeconds, progress, cancel), null)
            : AirbenchRuns(dataset, plan, options, device, seed, warmUp, progress, cancel);
        report = report with { Train = result.With(runs) with { Trace = trace } };
        return BenchmarkReporter.Finish(report, earlier, options.Tolerance, folder, progress);

        PrecisionChoice Choose()
        {
            startup.Stop();   // once a machine, not once a process
            var chosen = AutoPrecision.Here.Choose(TrainingSetup.NetworkOf(dataset, recipe), options.Threads, progress);
            startup.Start();
            return chosen;
        }
    }

    /// <summary>Loads once; the training times itself.</summary>
    private static (List<BenchmarkRun> Runs, GpuTrace? Trace) AirbenchRuns(
        Dataset dataset, TrainingPlan plan, TrainBenchmarkOptions options, ComputeDevice device, int seed, bool warmUp,
        IProgress progress, CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        using var setup = TrainingSetup.Load(dataset, plan, device);
        using var log = new TrainingLog(options.ValidateEvery);
        var count = options.Runs + (warmUp ? 1 : 0) + (options.Trace ? 1 : 0);
        using var task = progress.Start("benchmark", count * plan.ReportedSteps, "steps");
        if (warmUp)
        {
            log.Results.Add(TrainOnRandomLabels(setup, seed, task, cancel));
            progress.Info("warm-up on random labels: done");
        }
        var runs = new List<BenchmarkRun>();
        for (var run = 0; run < options.Runs; run++)
        {
            var result = Train(setup, seed + run, log, task, cancel);
            runs.Add(new(result.Seed, result.AccuracyPlain, result.AccuracyTta, result.TrainSeconds, result.TrainSeconds, result.Steps));
            Tell(progress, runs[^1], options.Runs, run);
        }
        var trace = options.Trace && OperatingSystem.IsLinux() ? GpuTrace.Of(Cupti.Watch(() => Train(setup, seed, log, task, cancel))) : null;
        return (runs, trace);
    }

    /// <summary>Loads anew for every run, within the timer.</summary>
    private static List<BenchmarkRun> WallRuns(
        Dataset dataset, TrainingPlan plan, TrainBenchmarkOptions options, ComputeDevice device, int seed, double startupSeconds,
        IProgress progress, CancellationToken cancel)
    {
        using var log = new TrainingLog(validateEvery: 0);
        using var task = progress.Start("benchmark", options.Runs * plan.ReportedSteps, "steps");
        var runs = new List<BenchmarkRun>();
        for (var run = 0; run < options.Runs; run++)
        {
            var clock = Stopwatch.StartNew();
            RunResult result;
            double seconds;
            using (NewDisposeScope())
            using (var setup = TrainingSetup.Load(dataset, plan, device))
            {
                result = Train(setup, seed + run, log, task, cancel);
                seconds = startupSeconds + clock.Elapsed.TotalSeconds;   // the accuracy is known; freeing memory does not count
            }
            runs.Add(new(result.Seed, result.AccuracyPlain, result.AccuracyTta, seconds, result.TrainSeconds, result.Steps));
            Tell(progress, runs[^1], options.Runs, run);
        }
        return runs;
    }

    private static void Tell(IProgress progress, BenchmarkRun run, int count, int index) => progress.Info(FormattableString.Invariant(
        $"run {index + 1} of {count}: seed {run.Seed}, {run.AccuracyTta:0.00%} with TTA, {run.AccuracyPlain:0.00%} plain, {run.Seconds:0.00} s"));

    private static RunResult Train(TrainingSetup setup, int seed, TrainingLog log, IProgressTask task, CancellationToken cancel)
    {
        var (network, result) = TrainingRun.Train(setup, seed, log, task, cancel);
        network.Dispose();
        log.Results.Add(result);
        return result;
    }

    /// <summary>A whole run that can learn nothing about the data: its labels are drawn, then put back.</summary>
    private static RunResult TrainOnRandomLabels(TrainingSetup setup, int seed, IProgressTask task, CancellationToken cancel)
    {
        using var labels = setup.Train.Labels.clone();
        using var generator = new Generator((ulong)seed, CPU);
        using (var drawn = randint(0, setup.Spec.ClassCount, labels.shape, ScalarType.Int64, generator: generator))
        {
            setup.Train.Labels.copy_(drawn);
        }
        using var log = new TrainingLog(validateEvery: 0);
        var result = Train(setup, seed, log, task, cancel);
        setup.Train.Labels.copy_(labels);
        return result;
    }
}
