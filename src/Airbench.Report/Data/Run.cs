namespace Airbench.Report;

/// <summary>A data set, trained network or bundle of a run, by the copies in the run's folder.</summary>
/// <param name="Stage">Stage that made it or got it.</param>
/// <param name="Folder">Where it was, relative to the root.</param>
/// <param name="Manifest">What it says of itself.</param>
internal sealed record Recorded<T>(string Stage, string Folder, T Manifest);

/// <summary>One evaluation: a model on a set of images.</summary>
/// <param name="Stage">Stage that made it.</param>
/// <param name="Name">Stage, and the model's name where the stage evaluated several.</param>
/// <param name="Folder">Full path of its folder.</param>
/// <param name="Metrics">Its numbers.</param>
/// <param name="Confusion">Its confusion matrix; null where the file cannot be read.</param>
/// <param name="Predictions">Its answers; null where the file cannot be read.</param>
internal sealed record EvaluationData(
    string Stage, string Name, string Folder, EvaluationMetrics Metrics, ConfusionCounts? Confusion, Predictions? Predictions)
{
    /// <summary>Of the further models of a stage only the numbers are shown.</summary>
    public bool IsFirst { get; init; } = true;

    /// <summary>Pictures of mistakes and of correct answers.</summary>
    public EvaluationPictures Pictures { get; init; } = EvaluationPictures.None();

    /// <summary>What the model learned from, class by class; null where it is not known or not there any more.</summary>
    public ClassCounts? TrainedOn { get; init; }
}

/// <summary>All that a report shows of a run, read from its folder.</summary>
internal sealed record Run
{
    public required string Folder { get; init; }

    public required string Id { get; init; }

    public required string Pipeline { get; init; }

    /// <summary>Null where the run was killed, or goes on, or is of a version that wrote none.</summary>
    public required RunRecord? Record { get; init; }

    public required IReadOnlyList<StageTime> Times { get; init; }

    public required string? ResolvedYaml { get; init; }

    public required IReadOnlyList<string> LastLines { get; init; }

    public required IReadOnlyList<Recorded<DatasetManifest>> Datasets { get; init; }

    public required IReadOnlyList<Recorded<ModelManifest>> Models { get; init; }

    /// <summary>Learning curves by stage.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<CurvePoint>> Curves { get; init; }

    /// <summary>Pictures of what augmentation does, by stage.</summary>
    public required IReadOnlyDictionary<string, Picture> Augmentations { get; init; }

    /// <summary>Images of each class of the data sets that are still there, by the set's hash.</summary>
    public required IReadOnlyDictionary<string, ClassCounts> ClassCounts { get; init; }

    public required IReadOnlyList<Recorded<BundleManifest>> Bundles { get; init; }

    public required IReadOnlyList<EvaluationData> Evaluations { get; init; }

    public required IReadOnlyList<Recorded<BenchmarkReport>> Benchmarks { get; init; }

    /// <summary>What could not be read, and why.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>ok, failed or cancelled; unfinished where nothing says.</summary>
    public string Status => Record?.Status ?? (Times.Any(time => time.Status == "failed") ? "failed" : "unfinished");

    /// <summary>Pipeline and run: "airbench94/20261124-201500".</summary>
    public string Title => $"{Pipeline}/{Id}";

    /// <summary>Whether any image was drawn: every number of such a run is of the drawing program, not of the world.</summary>
    public bool Synthetic => Datasets.Any(set => set.Manifest.IsSynthetic) || Models.Any(model => model.Manifest.Synthetic)
        || Bundles.Any(bundle => bundle.Manifest.Synthetic) || Evaluations.Any(evaluation => evaluation.Metrics.Synthetic);

    /// <summary>Cost of all stages, US dollars; null where no price was given.</summary>
    public double? Usd => Times.Any(time => time.Usd is not null) ? Times.Sum(time => time.Usd ?? 0) : null;
}
