using System.ComponentModel.DataAnnotations;

namespace Airbench;

/// <summary>
/// <c>run.json</c> in the folder of a run: what ran, how it ended and where its results went. It is written when the run ends; the
/// folder of a run that was killed has none.
/// </summary>
public sealed record RunRecord
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "run.json";

    /// <summary>
    /// Folder beside it with copies of the small files of every artifact: a later run may write a model of the same name anew.
    /// No stage can have this name.
    /// </summary>
    public const string CopiesName = "_record";

    /// <summary>Name of the run: its folder below <c>runs/&lt;pipeline&gt;/</c>.</summary>
    public required string RunId { get; init; }

    /// <summary>Name of the pipeline.</summary>
    public required string Pipeline { get; init; }

    /// <summary>The command that ran it, as it would be typed.</summary>
    public required string Command { get; init; }

    /// <summary>Seed of everything random.</summary>
    public required int Seed { get; init; }

    /// <summary>Device as asked for: auto, cpu, cuda or cuda:N.</summary>
    public required string Device { get; init; }

    /// <summary>ok, failed or cancelled.</summary>
    public required string Status { get; init; }

    /// <summary>Price of the machine, US dollars an hour; null where none was given.</summary>
    [Range(0, double.MaxValue)]
    public double? UsdPerHour { get; init; }

    /// <summary>Product version that ran it.</summary>
    public required string ProductVersion { get; init; }

    /// <summary>Where it ran.</summary>
    public required BenchmarkMachine Machine { get; init; }

    /// <summary>Every stage in the order of execution.</summary>
    public required IReadOnlyList<RunStageRecord> Stages { get; init; }
}

/// <summary>One stage of a run.</summary>
public sealed record RunStageRecord
{
    /// <summary>Its name in the pipeline.</summary>
    public required string Stage { get; init; }

    /// <summary>Its kind.</summary>
    public required string Uses { get; init; }

    /// <summary>Stages whose artifacts it takes.</summary>
    public required IReadOnlyList<string> Needs { get; init; }

    /// <summary>How it ended, as in <c>timings.csv</c>: ok, cached, failed or cancelled; beside these notrun, existing and skipped.</summary>
    public required string Status { get; init; }

    /// <summary>Why it ran, or did not need to.</summary>
    public string? Why { get; init; }

    /// <summary>What came out, in words; null where it did not end well.</summary>
    public string? Summary { get; init; }

    /// <summary>Why it failed or did not run.</summary>
    public string? Error { get; init; }

    /// <summary>What it made, or what an earlier run had made in its place.</summary>
    public ArtifactRecord? Made { get; init; }

    /// <summary>Artifacts that it got from outside of the pipeline.</summary>
    public IReadOnlyList<ArtifactRecord> Given { get; init; } = [];
}

/// <summary>Where an artifact was.</summary>
/// <param name="Type">Dataset, TrainedModel, OnnxBundle, Evaluation or Benchmark.</param>
/// <param name="Folder">Its folder, relative to the one that holds <c>runs/</c>, with '/'.</param>
/// <param name="Copies">Folder with copies of its small files, relative to the run's; null where it is in the run's folder itself.</param>
public sealed record ArtifactRecord(string Type, string Folder, string? Copies = null);
