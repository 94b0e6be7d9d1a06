using System.ComponentModel;

namespace Airbench.Onnx;

/// <summary>Options of <c>benchmark_model</c>.</summary>
public sealed record ModelBenchmarkOptions
{
    /// <summary>Variant of the bundle.</summary>
    [Description("Variant of the exported model: fp32, or another that the export wrote (fp16, int8).")]
    public string Model { get; init; } = "fp32";

    /// <summary>Images a call, each a row of the result.</summary>
    [Description("Images a call; each size is a row.")]
    public IReadOnlyList<int> BatchSizes { get; init; } = [1, 16, 100];

    /// <summary>Where to compute; empty is the pipeline's device.</summary>
    [Description("Devices to measure on, such as [cpu, cuda]; the pipeline's device where empty.")]
    public IReadOnlyList<string> Devices { get; init; } = [];

    /// <summary>Threads of one operator.</summary>
    [Description("Threads, 0 for one per core.")]
    public int Threads { get; init; }

    /// <summary>Untimed calls of each row.</summary>
    [Description("Calls of each row before any is timed.")]
    public int WarmUpCalls { get; init; } = 10;

    /// <summary>Least timed calls of each row.</summary>
    [Description("Timed calls of each row, at least.")]
    public int MinCalls { get; init; } = 100;

    /// <summary>Least time of each row.</summary>
    [Description("Seconds of timed calls of each row, at least.")]
    public double MinSeconds { get; init; } = 3;

    /// <summary>Parts that the timed calls of each row are split into.</summary>
    [Description("Rounds that the calls are split into. The rows take turns round by round; intervals of --against come from the spread between rounds.")]
    public int Rounds { get; init; } = 10;

    /// <summary>Earlier benchmark.</summary>
    [Description("An earlier benchmark.json, or its folder, to compare with.")]
    public string? Against { get; init; }

    /// <summary>Slowdown that is let pass.</summary>
    [Description("Slowdown that is tolerated, 0.05 is 5%; the stage fails where the whole 95% interval is beyond it.")]
    public double Tolerance { get; init; } = 0.05;

    /// <summary>Problems of the values, as "key: found; expected".</summary>
    public static IEnumerable<string> Check(ModelBenchmarkOptions options)
    {
        if (options.Model.Length == 0)
        {
            yield return "model: empty; expected the name of a variant, such as fp32";
        }
        if (options.BatchSizes.Count == 0 || options.BatchSizes.Any(size => size is < 1 or > 10_000) || !Distinct(options.BatchSizes))
        {
            yield return $"batch_sizes: [{string.Join(", ", options.BatchSizes)}]; expected different sizes from 1 to 10000, at least one";
        }
        if (!Distinct(options.Devices))
        {
            yield return $"devices: [{string.Join(", ", options.Devices)}]; expected different ones of auto, cpu, cuda and cuda:N";
        }
        if (options.Threads is < 0 or > 1024)
        {
            yield return FormattableString.Invariant($"threads: {options.Threads}; expected 0 to 1024");
        }
        if (options.WarmUpCalls is < 0 or > 1_000_000)
        {
            yield return FormattableString.Invariant($"warm_up_calls: {options.WarmUpCalls}; expected 0 to 1000000");
        }
        if (options.MinCalls is < 1 or > 1_000_000)
        {
            yield return FormattableString.Invariant($"min_calls: {options.MinCalls}; expected 1 to 1000000");
        }
        if (options.MinSeconds is not (>= 0 and <= 86_400))
        {
            yield return FormattableString.Invariant($"min_seconds: {options.MinSeconds}; expected 0 to 86400");
        }
        if (options.Rounds is < 2 or > 1000)
        {
            yield return FormattableString.Invariant($"rounds: {options.Rounds}; expected 2 to 1000");
        }
        if (options.Against is "")
        {
            yield return "against: empty; expected a benchmark.json or its folder";
        }
        if (options.Tolerance is not (>= 0 and <= 100))
        {
            yield return FormattableString.Invariant($"tolerance: {options.Tolerance}; expected 0 to 100, 0.05 for 5%");
        }
    }

    private static bool Distinct<T>(IReadOnlyList<T> values) => values.Distinct().Count() == values.Count;
}
