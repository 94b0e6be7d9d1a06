namespace Airbench.Pipeline;

/// <summary>How a stage, or the whole run, ended.</summary>
public enum RunStatus
{
    /// <summary>Done.</summary>
    Ok,

    /// <summary>An error ended it.</summary>
    Failed,

    /// <summary>The user ended it.</summary>
    Cancelled,

    /// <summary>It did not start: something it needs failed, or the run was cancelled before.</summary>
    NotRun,

    /// <summary>Nothing that it depends on had changed: an earlier result stands for a new one.</summary>
    Cached,

    /// <summary>The artifact of an earlier run was opened.</summary>
    Existing,

    /// <summary>Nothing that ran needed it.</summary>
    Skipped,
}

/// <summary>What came out of a run.</summary>
public sealed record RunReport
{
    /// <summary>Name of the run: the folder below <c>runs/&lt;pipeline&gt;/</c>.</summary>
    public required string RunId { get; init; }

    /// <summary>Folder with <c>pipeline.resolved.yaml</c>, <c>timings.csv</c>, <c>log.txt</c> and evaluations.</summary>
    public required string RunFolder { get; init; }

    /// <summary>Every stage in the order of execution.</summary>
    public required IReadOnlyList<StageReport> Stages { get; init; }

    /// <summary>Price of the machine, US dollars an hour; null where none was given.</summary>
    public double? UsdPerHour { get; init; }

    /// <summary>Cancelled where the user ended it, else failed where any stage failed, else ok.</summary>
    public required RunStatus Status { get; init; }
}

/// <summary>What came out of one stage.</summary>
/// <param name="Stage">The stage.</param>
/// <param name="Status">How it ended.</param>
public sealed record StageReport(PipelineStage Stage, RunStatus Status)
{
    /// <summary>Seconds from start to end, files included; 0 where it did not start.</summary>
    public double WallSeconds { get; init; }

    /// <summary>What <see cref="WallSeconds"/> cost, US dollars; null where no price was given or it did not start.</summary>
    public double? Usd { get; init; }

    /// <summary>Most memory that it had resident, MiB; null where it did not start or the system tells nothing.</summary>
    public long? PeakMegabytes { get; init; }

    /// <summary>What it reported, now or (<see cref="RunStatus.Cached"/>) when it ran.</summary>
    public StageResult? Result { get; init; }

    /// <summary>Why an earlier result stands, or why it had to run: "recipe.epochs 9.9 -> 8".</summary>
    public string? Why { get; init; }

    /// <summary>Why it failed or did not run.</summary>
    public string? Error { get; init; }

    /// <summary>What it threw, for <c>--verbose</c>.</summary>
    public Exception? Exception { get; init; }
}
