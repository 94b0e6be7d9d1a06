using System.Text.Json.Serialization;

namespace Airbench;

/// <summary>An evaluation: <c>metrics.json</c>, <c>predictions.csv</c>, <c>confusion.csv</c>.</summary>
public sealed record Evaluation(string Folder, EvaluationMetrics Metrics) : Artifact(Folder)
{
    /// <summary>Name of the manifest inside the folder.</summary>
    public const string ManifestName = "metrics.json";

    /// <summary>Opens the evaluation in <paramref name="folder"/>.</summary>
    public static Evaluation Open(string folder) => new(folder, Json.Read<EvaluationMetrics>(Path.Combine(folder, ManifestName)));
}

/// <summary><c>metrics.json</c>.</summary>
public sealed record EvaluationMetrics
{
    /// <summary>Model file that was evaluated, relative to the bundle.</summary>
    public required string Model { get; init; }

    /// <summary>SHA-256 of that file.</summary>
    public required string ModelSha256 { get; init; }

    /// <summary>Data set name and split, for example "cifar10/test".</summary>
    public required string Data { get; init; }

    /// <summary><see cref="DatasetManifest.Sha256"/> of the data.</summary>
    public required string DatasetSha256 { get; init; }

    /// <summary>Whether the images are drawn.</summary>
    public required bool Synthetic { get; init; }

    /// <summary>Execution provider: CPUExecutionProvider or CUDAExecutionProvider.</summary>
    public required string Provider { get; init; }

    /// <summary>Test-time augmentation of <see cref="Accuracy"/>.</summary>
    public required Tta Tta { get; init; }

    /// <summary>With <see cref="Airbench.Tta.Adaptive"/>: confidence (0 to 1) of the untouched image below which it got all views.</summary>
    public double? AdaptiveThreshold { get; init; }

    /// <summary>With <see cref="Airbench.Tta.Adaptive"/>: share (0 to 1) of the images that got all views.</summary>
    public double? AllViewsShare { get; init; }

    /// <summary>Images.</summary>
    public required int Count { get; init; }

    /// <summary>Right answers with <see cref="Tta"/>.</summary>
    public required int Correct { get; init; }

    /// <summary>Right answers from the untouched image, the same pass.</summary>
    public required int CorrectPlain { get; init; }

    /// <summary><see cref="Correct"/> / <see cref="Count"/>.</summary>
    public required double Accuracy { get; init; }

    /// <summary><see cref="CorrectPlain"/> / <see cref="Count"/>.</summary>
    public required double AccuracyPlain { get; init; }

    /// <summary>95% Wilson interval of <see cref="Accuracy"/>.</summary>
    public required IReadOnlyList<double> AccuracyInterval95 { get; init; }

    /// <summary>Mean negative log-likelihood of the right class, nats.</summary>
    public required double Nll { get; init; }

    /// <summary>Expected calibration error over 15 equal-width confidence bins.</summary>
    public required double Ece { get; init; }

    /// <summary>Images per second through the session, all views included, decoding excluded.</summary>
    public required double ImagesPerSecond { get; init; }

    /// <summary>Per class, in label order.</summary>
    public required IReadOnlyList<ClassMetrics> Classes { get; init; }
}

/// <summary>One class of an evaluation; a ratio without a denominator is null.</summary>
public sealed record ClassMetrics(
    string Name,
    int Support,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Precision,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Recall,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? F1);
