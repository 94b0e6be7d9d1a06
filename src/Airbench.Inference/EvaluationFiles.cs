using System.Globalization;

namespace Airbench.Inference;

/// <summary>The files of an evaluation.</summary>
internal static class EvaluationFiles
{
    /// <summary>One row an image: index, path, label, predicted, confidence, correct.</summary>
    public const string PredictionsName = "predictions.csv";

    /// <summary>Rows are true classes, columns predicted ones.</summary>
    public const string ConfusionName = "confusion.csv";

    /// <summary>Writes all of them, whole or not at all; <c>metrics.json</c> comes last.</summary>
    public static Evaluation Write(string folder, EvaluationMetrics metrics, ImageSplit split, Answers answers, int[,] confusion)
    {
        var classes = metrics.Classes.Select(c => c.Name).ToArray();
        using var build = AtomicFolder.Create(folder);
        Csv.Write(
            build.File(PredictionsName), ["index", "path", "label", "predicted", "confidence", "correct"], Predictions(split, answers, classes));
        Csv.Write(build.File(ConfusionName), ["true \\ predicted", .. classes], Confusion(confusion, classes));
        File.WriteAllText(build.File(Evaluation.ManifestName), Json.Write(metrics));
        return new Evaluation(build.Commit(), metrics);
    }

    private static IEnumerable<IReadOnlyList<object?>> Predictions(ImageSplit split, Answers answers, string[] classes)
    {
        var paths = split.ReadPaths();
        for (var i = 0; i < split.Count; i++)
        {
            var confidence = answers.Confidence[i].ToString("0.000000", CultureInfo.InvariantCulture);
            yield return [i, paths[i], classes[split.Labels[i]], classes[answers.Predicted[i]], confidence, answers.Correct[i] ? "true" : "false"];
        }
    }

    private static IEnumerable<IReadOnlyList<object?>> Confusion(int[,] confusion, string[] classes)
    {
        for (var actual = 0; actual < classes.Length; actual++)
        {
            yield return [classes[actual], .. Enumerable.Range(0, classes.Length).Select(k => (object?)confusion[actual, k])];
        }
    }
}
