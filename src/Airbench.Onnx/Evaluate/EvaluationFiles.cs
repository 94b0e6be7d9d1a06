using System.Globalization;
using Airbench.Data;

namespace Airbench.Onnx;

/// <summary>The files of an evaluation.</summary>
internal static class EvaluationFiles
{
    /// <summary>One row an image.</summary>
    public const string PredictionsName = "predictions.csv";

    /// <summary>Rows are true classes, columns predicted ones.</summary>
    public const string ConfusionName = "confusion.csv";

    /// <summary>Several models of one call, one row each.</summary>
    public const string ComparisonName = "comparison.csv";

    /// <summary>Columns of <see cref="PredictionsName"/>; of a broken image those from predicted to correct are empty.</summary>
    public static IReadOnlyList<string> PredictionColumns { get; } = ["index", "path", "label", "predicted", "confidence", "correct", "error"];

    /// <summary>The row of an answer.</summary>
    public static IReadOnlyList<object?> Row(SourceImage image, string label, string predicted, double confidence) =>
    [
        image.Index, image.Path, label, predicted, confidence.ToString("0.000000", CultureInfo.InvariantCulture),
        label == predicted ? "true" : "false", null,
    ];

    /// <summary>The row of a broken image.</summary>
    public static IReadOnlyList<object?> Row(SourceImage image, string label) => [image.Index, image.Path, label, null, null, null, image.Error];

    /// <summary>Writes everything but <see cref="PredictionsName"/>; <c>metrics.json</c> comes last.</summary>
    public static void Write(string folder, EvaluationMetrics metrics, Tally tally)
    {
        var classes = metrics.Classes.Select(c => c.Name).ToArray();
        Csv.Write(
            Path.Combine(folder, ConfusionName), ["true \\ predicted", .. classes],
            classes.Select((name, actual) => (object?[])[name, .. tally.Confusion[actual].Select(count => (object?)count)]));
        if (metrics.Shard is not null)
        {
            File.WriteAllText(Path.Combine(folder, Tally.FileName), Json.Write(tally));
        }
        if (metrics.Comparison is { } comparison)
        {
            Csv.Write(
                Path.Combine(folder, ComparisonName),
                [
                    "model", "count", "correct", "accuracy", "accuracy_low95", "accuracy_high95", "agreement", "only_first", "only_this", "difference",
                    "difference_low95", "difference_high95", "mcnemar_p", "images_per_second",
                ],
                comparison.Select(row => (object?[])
                [
                    row.Name, row.Count, row.Correct, row.Accuracy, row.Interval95[0], row.Interval95[1], row.Agreement, row.OnlyFirst, row.OnlyThis, row.Difference,
                    row.Difference95[0], row.Difference95[1], row.McNemarP, Math.Round(row.ImagesPerSecond, 1),
                ]));
        }
        File.WriteAllText(Path.Combine(folder, Evaluation.ManifestName), Json.Write(metrics));
    }

    /// <summary>The rows of a <see cref="PredictionsName"/>, one at a time, without its header.</summary>
    /// <exception cref="InvalidFileException">It is missing, or not as we write it.</exception>
    public static IEnumerable<string[]> Read(string path)
    {
        var header = true;
        foreach (var row in Csv.Read(path))
        {
            if (!header)
            {
                yield return row;
            }
            else if (!row.SequenceEqual(PredictionColumns))
            {
                throw new InvalidFileException(path, $"has other columns; expected {string.Join(',', PredictionColumns)}");
            }
            header = false;
        }
    }
}
