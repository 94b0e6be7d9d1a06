using System.ComponentModel.DataAnnotations;

namespace Airbench;

/// <summary>Latency and throughput of one model file.</summary>
public sealed record ModelBenchmarkResult : IChecked
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
    [Range(1, int.MaxValue)]
    public required int ImageSize { get; init; }

    /// <summary>Where the pixels come from. Uniform random bytes: the same arithmetic is done for any.</summary>
    public required string Pixels { get; init; }

    /// <summary>Calls of each row before any is timed.</summary>
    [Range(0, int.MaxValue)]
    public required int WarmUpCalls { get; init; }

    /// <summary>One row a provider and batch size.</summary>
    public IReadOnlyList<LatencyRow> Rows { get; init; } = [];

    /// <inheritdoc/>
    IEnumerable<string> IChecked.Problems() =>
        Rows.Count == 0 ? ["rows: empty; expected at least one"]
        : Rows.Any(row => row.RoundsMs.Count == 0 || row.RoundsMs.Any(round => round.Count == 0)) ? ["rows: found a round without calls"]
        : Rows.Any(row => row.RoundsMs.Any(round => round.Any(ms => ms <= 0))) ? ["rows: found a latency of 0 or less"]
        : Rows.DistinctBy(row => row.Key).Count() < Rows.Count ? ["rows: found a provider and batch size twice"]
        : [];
}

/// <summary>Latency of one batch size on one provider.</summary>
public sealed record LatencyRow
{
    /// <summary>Device, "cpu" or "cuda:N".</summary>
    public required string Device { get; init; }

    /// <summary>Execution provider by ONNX Runtime's name.</summary>
    public required string Provider { get; init; }

    /// <summary>Images a call.</summary>
    [Range(1, int.MaxValue)]
    public required int BatchSize { get; init; }

    /// <summary>Timed calls.</summary>
    [Range(1, int.MaxValue)]
    public required int Calls { get; init; }

    /// <summary>Half of the calls take at most this many milliseconds; input and output in the caller's memory.</summary>
    [Range(0, double.MaxValue)]
    public required double P50Ms { get; init; }

    /// <summary>Nine of ten calls take at most this.</summary>
    [Range(0, double.MaxValue)]
    public required double P90Ms { get; init; }

    /// <summary>99 of 100 calls take at most this; of fewer than 100 calls it is the slowest.</summary>
    [Range(0, double.MaxValue)]
    public required double P99Ms { get; init; }

    /// <summary>Images over the sum of all latencies: one caller, one call at a time.</summary>
    [Range(0, double.MaxValue)]
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
