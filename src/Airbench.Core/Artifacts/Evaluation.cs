using System.ComponentModel.DataAnnotations;
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
public sealed record EvaluationMetrics : IChecked
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

    /// <summary>Test-time augmentation of <see cref="Accuracy"/>, made of views that the model was shown one by one.</summary>
    public required Tta Tta { get; init; }

    /// <summary>Of a model with views inside: those. It was shown each image once, so <see cref="CorrectPlain"/> is with them too; null for any other.</summary>
    public Tta? TtaInside { get; init; }

    /// <summary>Whether views vote, outside of the model or inside.</summary>
    [JsonIgnore]
    public bool HasViews => Tta != Tta.None || TtaInside is not null;

    /// <summary>Whether the model answered to untouched images alone too.</summary>
    [JsonIgnore]
    public bool HasPlain => TtaInside is null;

    /// <summary>With <see cref="Airbench.Tta.Adaptive"/>: confidence (0 to 1) of the untouched image below which it got all views.</summary>
    [Range(0.0, 1.0)]
    public double? AdaptiveThreshold { get; init; }

    /// <summary>With <see cref="Airbench.Tta.Adaptive"/>: share (0 to 1) of the images that got all views.</summary>
    [Range(0.0, 1.0)]
    public double? AllViewsShare { get; init; }

    /// <summary>Share of the batches, "i/n"; null where all were evaluated.</summary>
    public string? Shard { get; init; }

    /// <summary>Images of the source, those of other shards and broken ones included.</summary>
    [Range(0, int.MaxValue)]
    public int SourceCount { get; init; }

    /// <summary>Images that could not be decoded; each is a row of <c>predictions.csv</c> with its error, and in no other number here.</summary>
    [Range(0, int.MaxValue)]
    public int Broken { get; init; }

    /// <summary>Files of the source that are none of its images, by kind: ".heic", "in val/", "hidden folder .net"; null where there are none.</summary>
    public IReadOnlyDictionary<string, long>? LeftOut { get; init; }

    /// <summary>Images evaluated.</summary>
    [Range(0, int.MaxValue)]
    public required int Count { get; init; }

    /// <summary>Correct answers with <see cref="Tta"/>.</summary>
    [Range(0, int.MaxValue)]
    public required int Correct { get; init; }

    /// <summary>Correct answers from the untouched image, the same pass.</summary>
    [Range(0, int.MaxValue)]
    public required int CorrectPlain { get; init; }

    /// <summary><see cref="Correct"/> / <see cref="Count"/>.</summary>
    [Range(0.0, 1.0)]
    public required double Accuracy { get; init; }

    /// <summary><see cref="CorrectPlain"/> / <see cref="Count"/>.</summary>
    [Range(0.0, 1.0)]
    public required double AccuracyPlain { get; init; }

    /// <summary>95% Wilson interval of <see cref="Accuracy"/>.</summary>
    public required IReadOnlyList<double> AccuracyInterval95 { get; init; }

    /// <summary>Mean negative log-likelihood of the correct class, nats.</summary>
    [Range(0, double.MaxValue)]
    public required double Nll { get; init; }

    /// <summary>Expected calibration error over 15 equal-width confidence bins.</summary>
    [Range(0.0, 1.0)]
    public required double Ece { get; init; }

    /// <summary>Images per second through the session, all views included, decoding excluded.</summary>
    [Range(0, double.MaxValue)]
    public required double ImagesPerSecond { get; init; }

    /// <summary>Per class, in label order.</summary>
    public required IReadOnlyList<ClassMetrics> Classes { get; init; }

    /// <summary>How the model was fed and run.</summary>
    public RunSettings? Settings { get; init; }

    /// <summary>Seconds from the first batch to the last row, decoding and files included.</summary>
    [Range(0, double.MaxValue)]
    public double WallSeconds { get; init; }

    /// <summary>Seconds of these inside of ONNX Runtime's calls.</summary>
    [Range(0, double.MaxValue)]
    public double SessionSeconds { get; init; }

    /// <summary>Where several models were evaluated in one call: all of them, this one first.</summary>
    public IReadOnlyList<ModelComparison>? Comparison { get; init; }

    /// <inheritdoc/>
    IEnumerable<string> IChecked.Problems()
    {
        if (Math.Max(Correct, CorrectPlain) > Count)
        {
            yield return FormattableString.Invariant($"count: {Count}; expected no less than the correct answers");
        }
        if (AccuracyInterval95.Count != 2 || Comparison?.Any(row => row.Interval95.Count != 2 || row.Difference95.Count != 2) == true)
        {
            yield return "a 95% interval has other than two ends";
        }
    }
}

/// <summary>What a number depends on beside model and data.</summary>
/// <param name="Input">What the caller does to the pixels, in words.</param>
/// <param name="Output">Which output is read, and as what.</param>
/// <param name="BatchSize">Images a call.</param>
/// <param name="Threads">Threads of one operator; 0 is one per core.</param>
/// <param name="GraphOptimization">Level of ONNX Runtime: all, extended, basic or disabled.</param>
/// <param name="ProviderOptions">Options of the execution provider.</param>
/// <param name="IoBinding">Whether inputs and outputs were bound to buffers of the device.</param>
/// <param name="OnnxRuntime">Version.</param>
public sealed record RunSettings(
    string Input, string Output, [property: Range(0, int.MaxValue)] int BatchSize, [property: Range(0, int.MaxValue)] int Threads, string GraphOptimization, IReadOnlyDictionary<string, string> ProviderOptions,
    bool IoBinding, string OnnxRuntime)
{
    /// <summary>How images that are not square became so; those of a prepared set did before.</summary>
    public Fit Fit { get; init; }
}

/// <summary>One model beside the first of the same call, on the same images.</summary>
/// <param name="Name">Variant or file.</param>
/// <param name="Folder">Where its evaluation is stored, relative to that of the first: "." or "models/...".</param>
/// <param name="Count">Images evaluated.</param>
/// <param name="Correct">Correct answers.</param>
/// <param name="Accuracy">Their share.</param>
/// <param name="Interval95">95% Wilson interval of the accuracy.</param>
/// <param name="Agreement">Share of the images that get the same class as from the first.</param>
/// <param name="OnlyFirst">Images that only the first classifies correctly.</param>
/// <param name="OnlyThis">Images that only this one classifies correctly.</param>
/// <param name="Difference">Accuracy minus that of the first.</param>
/// <param name="Difference95">95% interval of the difference, paired (Bonett and Price 2012).</param>
/// <param name="McNemarP">Two-sided exact p-value of McNemar's test: the chance of counts at least this uneven if both were equally good.</param>
/// <param name="ImagesPerSecond">As in its metrics; the models ran one after the other.</param>
public sealed record ModelComparison(
    string Name, string Folder, [property: Range(0, int.MaxValue)] int Count, [property: Range(0, int.MaxValue)] int Correct, [property: Range(0.0, 1.0)] double Accuracy, IReadOnlyList<double> Interval95, [property: Range(0.0, 1.0)] double Agreement, [property: Range(0, int.MaxValue)] int OnlyFirst, [property: Range(0, int.MaxValue)] int OnlyThis,
    [property: Range(-1.0, 1.0)] double Difference, IReadOnlyList<double> Difference95, [property: Range(0.0, 1.0)] double McNemarP, [property: Range(0, double.MaxValue)] double ImagesPerSecond);

/// <summary>One class of an evaluation; a ratio without a denominator is null.</summary>
public sealed record ClassMetrics(
    string Name,
    [property: Range(0, int.MaxValue)] int Support,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never), Range(0.0, 1.0)] double? Precision,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never), Range(0.0, 1.0)] double? Recall,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never), Range(0.0, 1.0)] double? F1);
