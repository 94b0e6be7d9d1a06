namespace Airbench;

/// <summary>A benchmark: <c>benchmark.json</c> with every raw sample, and <c>benchmark.csv</c>, a row a run or a batch size.</summary>
public sealed record Benchmark(string Folder, BenchmarkReport Report) : Artifact(Folder)
{
    /// <summary>Name of the manifest inside the folder.</summary>
    public const string ManifestName = "benchmark.json";

    /// <summary>Name of the table inside the folder.</summary>
    public const string TableName = "benchmark.csv";

    /// <summary>Opens the benchmark in <paramref name="folder"/>.</summary>
    /// <exception cref="InvalidFileException">No benchmark lies there, or it is damaged.</exception>
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

/// <summary>Several trainings by one recipe.</summary>
public sealed record TrainBenchmarkResult
{
    /// <summary>What <see cref="BenchmarkRun.Seconds"/> counts.</summary>
    public required TimingProtocol Protocol { get; init; }

    /// <summary>Every hyperparameter, after overrides.</summary>
    public required Recipe Recipe { get; init; }

    /// <summary>SHA-256 of <see cref="Recipe"/> as JSON.</summary>
    public required string RecipeSha256 { get; init; }

    /// <summary>Device, for example "cpu" or "cuda:0".</summary>
    public required string Device { get; init; }

    /// <summary>Compute precision: bf16, bf16_weights, fp16 or fp32.</summary>
    public required string Precision { get; init; }

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
    public double? StartupSeconds { get; init; }

    /// <summary>Every run, in seed order.</summary>
    public IReadOnlyList<BenchmarkRun> Runs { get; init; } = [];

    /// <summary>Test accuracy (0 to 1) with the recipe's TTA.</summary>
    public Summary? Accuracy { get; init; }

    /// <summary>Seconds a run by <see cref="Protocol"/>.</summary>
    public Summary? Seconds { get; init; }

    /// <summary>Optimizer steps of all runs over their seconds: evaluation and whatever else the protocol counts included.</summary>
    public double StepsPerSecond { get; init; }

    /// <summary>Mean accuracy (0 to 1) asked for.</summary>
    public required double TargetAccuracy { get; init; }

    /// <summary>Whether the mean accuracy is at least the target.</summary>
    public bool TargetReached { get; init; }

    /// <summary>See <see cref="Summary.ProbabilityUnderTarget"/>; null for a single run, or runs that are all equal.</summary>
    public double? TargetPValue { get; init; }

    /// <summary>Price of the machine, where given.</summary>
    public double? UsdPerHour { get; init; }

    /// <summary>Mean seconds a run at that price, US dollars: the cost of reaching the target where it was reached.</summary>
    public double? UsdPerRun { get; init; }

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

    internal string? Problem() =>
        Runs.Count == 0 ? "train.runs is empty; expected at least one run"
        : Runs.Any(run => run.Seconds <= 0) ? "train.runs: found seconds of 0 or less"
        : Runs.Any(run => run.AccuracyTta is < 0 or > 1) ? "train.runs: found an accuracy outside of 0 to 1"
        : null;
}

/// <summary>One training of a benchmark.</summary>
/// <param name="Seed">Its seed.</param>
/// <param name="AccuracyPlain">Test accuracy (0 to 1) of the untouched images.</param>
/// <param name="AccuracyTta">Test accuracy (0 to 1) with the recipe's test-time augmentation.</param>
/// <param name="Seconds">Seconds by the benchmark's protocol.</param>
/// <param name="TrainSeconds">Seconds by the <see cref="TimingProtocol.Airbench"/> protocol.</param>
/// <param name="Steps">Optimizer steps.</param>
public sealed record BenchmarkRun(int Seed, double AccuracyPlain, double AccuracyTta, double Seconds, double TrainSeconds, int Steps);

/// <summary>Latency and throughput of one model file.</summary>
public sealed record ModelBenchmarkResult
{
    /// <summary>Variant of the bundle.</summary>
    public required string Variant { get; init; }

    /// <summary>SHA-256 of the model file.</summary>
    public required string ModelSha256 { get; init; }

    /// <summary>Name of the bundle.</summary>
    public required string BundleName { get; init; }

    /// <summary>SHA-256 of the weights that the model was built from.</summary>
    public required string WeightsSha256 { get; init; }

    /// <summary>Recipe name.</summary>
    public required string Recipe { get; init; }

    /// <summary>Height and width of an image, pixels.</summary>
    public required int ImageSize { get; init; }

    /// <summary>Where the pixels come from. Uniform random bytes: the same arithmetic is done for any.</summary>
    public required string Pixels { get; init; }

    /// <summary>Calls of each row before any is timed.</summary>
    public required int WarmUpCalls { get; init; }

    /// <summary>One row a provider and batch size.</summary>
    public IReadOnlyList<LatencyRow> Rows { get; init; } = [];

    internal string? Problem() =>
        Rows.Count == 0 ? "model.rows is empty; expected at least one"
        : Rows.Any(row => row.RoundsMs.Count == 0 || row.RoundsMs.Any(round => round.Count == 0)) ? "model.rows: found a round without calls"
        : Rows.Any(row => row.RoundsMs.Any(round => round.Any(ms => ms <= 0))) ? "model.rows: found a latency of 0 or less"
        : Rows.Any(row => row.BatchSize < 1) ? "model.rows: found a batch_size under 1"
        : Rows.DistinctBy(row => row.Key).Count() < Rows.Count ? "model.rows: found a provider and batch size twice"
        : null;
}

/// <summary>Latency of one batch size on one provider.</summary>
public sealed record LatencyRow
{
    /// <summary>Device, "cpu" or "cuda:N".</summary>
    public required string Device { get; init; }

    /// <summary>Execution provider by ONNX Runtime's name.</summary>
    public required string Provider { get; init; }

    /// <summary>Images a call.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Timed calls.</summary>
    public required int Calls { get; init; }

    /// <summary>Half of the calls take at most this many milliseconds; input and output in the caller's memory.</summary>
    public required double P50Ms { get; init; }

    /// <summary>Nine of ten calls take at most this.</summary>
    public required double P90Ms { get; init; }

    /// <summary>99 of 100 calls take at most this; of fewer than 100 calls it is the slowest.</summary>
    public required double P99Ms { get; init; }

    /// <summary>Images over the sum of all latencies: one caller, one call at a time.</summary>
    public required double ImagesPerSecond { get; init; }

    /// <summary>Every latency in milliseconds, by round: the rounds of all rows take turns, so that a slow minute hits all of them.</summary>
    public required IReadOnlyList<IReadOnlyList<double>> RoundsMs { get; init; }

    /// <summary>What tells a row from the others of its file.</summary>
    internal string Key => FormattableString.Invariant($"batch {BatchSize} on {Provider}");

    /// <summary>Summarizes raw samples.</summary>
    /// <param name="device">"cpu" or "cuda:N".</param>
    /// <param name="provider">Execution provider.</param>
    /// <param name="batchSize">Images a call.</param>
    /// <param name="roundsMs">Milliseconds of every call by round, none empty.</param>
    public static LatencyRow Of(string device, string provider, int batchSize, IReadOnlyList<IReadOnlyList<double>> roundsMs)
    {
        var sorted = roundsMs.SelectMany(round => round).Order().ToList();
        return new LatencyRow
        {
            Device = device,
            Provider = provider,
            BatchSize = batchSize,
            Calls = sorted.Count,
            P50Ms = Summary.Percentile(sorted, 0.5),
            P90Ms = Summary.Percentile(sorted, 0.9),
            P99Ms = Summary.Percentile(sorted, 0.99),
            ImagesPerSecond = batchSize * sorted.Count / (sorted.Sum() / 1000),
            RoundsMs = roundsMs,
        };
    }
}
