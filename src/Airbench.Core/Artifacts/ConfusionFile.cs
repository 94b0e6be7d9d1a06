namespace Airbench;

/// <summary><c>confusion.csv</c>: a row for each true class, a column for each predicted one, with names before both.</summary>
public static class ConfusionFile
{
    /// <summary>Writes a new file.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="classes">Names in label order, K of them.</param>
    /// <param name="counts">[K,K], true classes first.</param>
    public static void Write(string path, IReadOnlyList<string> classes, long[] counts) => Csv.Write(path, ["true \\ predicted", .. classes], classes.Select(
        (name, k) => (object?[])[name, .. counts.AsSpan(k * classes.Count, classes.Count).ToArray().Select(count => (object?)count)]));
}
