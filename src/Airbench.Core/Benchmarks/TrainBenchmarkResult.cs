using System.ComponentModel.DataAnnotations;

namespace Airbench;

/// <summary>Several trainings by one recipe.</summary>
public sealed record TrainBenchmarkResult : IChecked
{
    /// <summary>What <see cref="BenchmarkRun.Seconds"/> counts.</summary>
    public required TimingProtocol Protocol { get; init; }

    /// <summary>Every hyperparameter, after overrides.</summary>
    public required Recipe Recipe { get; init; }

    /// <summary>SHA-256 of <see cref="Recipe"/> as JSON.</summary>
    public required string RecipeSha256 { get; init; }

    /// <summary>Device, for example "cpu" or "cuda:0".</summary>
    public required string Device { get; init; }

    /// <summary>Compute precision: bf16, bf16_weights, fp16, fp16_weights or fp32.</summary>
    public required string Precision { get; init; }

    /// <summary>What decided it, where <c>precision: auto</c> had it measured; null where it was given, or there was nothing to measure.</summary>
    public ArithmeticRates? Rates { get; init; }

    /// <summary>Name of the data set.</summary>
    public required string DatasetName { get; init; }

    /// <summary><see cref="DatasetManifest.Sha256"/> of the data set.</summary>
    public required string DatasetSha256 { get; init; }

    /// <summary>Whether the images are drawn.</summary>
    public required bool Synthetic { get; init; }

    /// <summary>Whether a run on random labels came first, outside of the timer.</summary>
    public required bool WarmUp { get; init; }

    /// <summary>
    /// <see cref="TimingProtocol.Wall"/>: seconds that the native libraries and the device took to start. It happens once a process and is
    /// counted in every run, as a user who trains once pays it; null for the other protocol.
    /// </summary>
    [Range(0, double.MaxValue)]
    public double? StartupSeconds { get; init; }

    /// <summary>Every run, in seed order.</summary>
    public IReadOnlyList<BenchmarkRun> Runs { get; init; } = [];

    /// <summary>Test accuracy (0 to 1) with the recipe's TTA.</summary>
    public Summary? Accuracy { get; init; }

    /// <summary>Seconds a run by <see cref="Protocol"/>.</summary>
    public Summary? Seconds { get; init; }

    /// <summary>Optimizer steps of all runs over their seconds: evaluation and whatever else the protocol counts included.</summary>
    [Range(0, double.MaxValue)]
    public double StepsPerSecond { get; init; }

    /// <summary>Mean accuracy (0 to 1) asked for.</summary>
    [Range(0.0, 1.0)]
    public required double TargetAccuracy { get; init; }

    /// <summary>Whether the mean accuracy is at least the target.</summary>
    public bool TargetReached { get; init; }

    /// <summary>See <see cref="Summary.ProbabilityUnderTarget"/>; null for a single run, or runs that are all equal.</summary>
    [Range(0.0, 1.0)]
    public double? TargetPValue { get; init; }

    /// <summary>Price of the machine, where given.</summary>
    [Range(0, double.MaxValue)]
    public double? UsdPerHour { get; init; }

    /// <summary>Mean seconds a run at that price, US dollars: the cost of reaching the target where it was reached.</summary>
    [Range(0, double.MaxValue)]
    public double? UsdPerRun { get; init; }

    /// <summary>One more run as the GPU's profiler interface saw it, where asked for. Watching slows a run, so its seconds are in no mean.</summary>
    public GpuTrace? Trace { get; init; }

    /// <summary>The result with these runs and everything that follows from them.</summary>
    public TrainBenchmarkResult With(IReadOnlyList<BenchmarkRun> runs)
    {
        var accuracy = Summary.Of([.. runs.Select(run => run.AccuracyTta)]);
        var seconds = Summary.Of([.. runs.Select(run => run.Seconds)]);
        return this with
        {
            Runs = runs,
            Accuracy = accuracy,
            Seconds = seconds,
            StepsPerSecond = runs.Sum(run => (double)run.Steps) / runs.Sum(run => run.Seconds),
            TargetReached = accuracy.Mean >= TargetAccuracy,
            TargetPValue = accuracy.ProbabilityUnderTarget(TargetAccuracy),
            UsdPerRun = seconds.Mean / 3600 * UsdPerHour,
        };
    }

    /// <inheritdoc/>
    IEnumerable<string> IChecked.Problems() => Runs.Count == 0 ? ["runs: empty; expected at least one run"] : [];
}

/// <summary>What counts as the time of a training.</summary>
public enum TimingProtocol
{
    /// <summary>
    /// The field's own: whitening, all training and the final evaluation with TTA. Loading, building the network, validation between
    /// epochs and one warm-up run are not in it.
    /// </summary>
    Airbench,

    /// <summary>Everything, from before the data are loaded until the accuracy is known; starting the device too.</summary>
    Wall,
}

/// <summary>One training of a benchmark.</summary>
/// <param name="Seed">Its seed.</param>
/// <param name="AccuracyPlain">Test accuracy (0 to 1) of the untouched images.</param>
/// <param name="AccuracyTta">Test accuracy (0 to 1) with the recipe's test-time augmentation.</param>
/// <param name="Seconds">Seconds by the benchmark's protocol.</param>
/// <param name="TrainSeconds">Seconds by the <see cref="TimingProtocol.Airbench"/> protocol.</param>
/// <param name="Steps">Optimizer steps.</param>
public sealed record BenchmarkRun(int Seed, [property: Range(0.0, 1.0)] double AccuracyPlain, [property: Range(0.0, 1.0)] double AccuracyTta, [property: Range(0, double.MaxValue, MinimumIsExclusive = true)] double Seconds, [property: Range(0, double.MaxValue)] double TrainSeconds, [property: Range(0, int.MaxValue)] int Steps);
