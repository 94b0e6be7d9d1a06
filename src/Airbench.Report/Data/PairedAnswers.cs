namespace Airbench.Report;

/// <summary>Two evaluations of the same images, answer by answer.</summary>
/// <param name="Count">Images that both have an answer for.</param>
/// <param name="OnlyFirst">Images that only the first classifies correctly.</param>
/// <param name="OnlySecond">Images that only the second classifies correctly.</param>
internal sealed record PairedAnswers(int Count, int OnlyFirst, int OnlySecond)
{
    /// <summary>Reads both files side by side; null where they are not of the same images.</summary>
    public static PairedAnswers? Read(EvaluationData first, EvaluationData second)
    {
        if (first.Metrics.DatasetSha256 != second.Metrics.DatasetSha256 || first.Metrics.Data != second.Metrics.Data)
        {
            return null;
        }
        var (count, onlyFirst, onlySecond) = (0, 0, 0);
        try
        {
            using var a = Rows(first).GetEnumerator();
            using var b = Rows(second).GetEnumerator();
            while (true)
            {
                var (hasA, hasB) = (a.MoveNext(), b.MoveNext());
                if (hasA != hasB || (hasA && a.Current.Image != b.Current.Image))
                {
                    return null;
                }
                if (!hasA)
                {
                    return new PairedAnswers(count, onlyFirst, onlySecond);
                }
                count++;
                onlyFirst += a.Current.Right && !b.Current.Right ? 1 : 0;
                onlySecond += b.Current.Right && !a.Current.Right ? 1 : 0;
            }
        }
        catch (InvalidFileException)
        {
            return null;   // each run's own page says what is wrong with it
        }
    }

    private static IEnumerable<(string Image, bool Right)> Rows(EvaluationData evaluation) => new Columns(Path.Combine(evaluation.Folder, "predictions.csv")).Rows()
        .Where(row => row.Text("error").Length == 0)
        .Select(row => ($"{row.Text("index")} {row.Text("label")}", row.Text("correct") == "true"));
}
