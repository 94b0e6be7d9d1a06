namespace Airbench.Onnx;

/// <summary>Several models on the same images, from their <c>predictions.csv</c>, side by side and row by row.</summary>
internal static class ModelComparer
{
    /// <summary>Compares each with the first.</summary>
    /// <param name="models">Name, folder relative to the first's, and metrics.</param>
    /// <param name="root">Folder of the first.</param>
    public static IReadOnlyList<ModelComparison> Compare(IReadOnlyList<(string Name, string Folder, EvaluationMetrics Metrics)> models, string root) =>
    [
        .. models.Select(model =>
        {
            var metrics = model.Metrics;
            var (same, onlyFirst, onlyThis) = Count(PathOf(root, models[0].Folder), PathOf(root, model.Folder));
            return new ModelComparison(
                model.Name, model.Folder, metrics.Count, metrics.Correct, metrics.Accuracy, metrics.AccuracyInterval95,
                metrics.Count == 0 ? 0 : (double)same / metrics.Count, onlyFirst, onlyThis,
                metrics.Count == 0 ? 0 : (double)(onlyThis - onlyFirst) / metrics.Count,
                model.Folder == models[0].Folder ? [0, 0] : Metrics.PairedInterval(onlyFirst, onlyThis, metrics.Count),
                Metrics.McNemar(onlyFirst, onlyThis), metrics.ImagesPerSecond);
        }),
    ];

    private static string PathOf(string root, string folder) => Path.Combine(root, folder, EvaluationFiles.PredictionsName);

    private static (int Same, int OnlyFirst, int OnlyThis) Count(string first, string other)
    {
        var (same, onlyFirst, onlyThis) = (0, 0, 0);
        foreach (var (a, b) in EvaluationFiles.Read(first).Zip(EvaluationFiles.Read(other)))
        {
            if (a[0] != b[0])
            {
                throw new InvalidFileException(other, $"has image {b[0]} where {first} has {a[0]}");
            }
            if (a[6].Length == 0)
            {
                same += a[3] == b[3] ? 1 : 0;
                onlyFirst += a[5] == "true" && b[5] != "true" ? 1 : 0;
                onlyThis += a[5] != "true" && b[5] == "true" ? 1 : 0;
            }
        }
        return (same, onlyFirst, onlyThis);
    }
}
