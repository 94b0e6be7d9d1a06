using System.Globalization;

namespace Airbench.Onnx;

/// <summary>Several models of one call as lines of text, for terminals and logs.</summary>
public static class ComparisonTable
{
    /// <summary>One line a model below a header; none where there was a single model.</summary>
    public static IEnumerable<string> Lines(EvaluationMetrics metrics)
    {
        if (metrics.Comparison is not { } rows)
        {
            yield break;
        }
        var width = rows.Max(row => Math.Max(row.Name.Length, 5));
        yield return $"{"model".PadRight(width)}  accuracy      95% interval  agreement  difference      95% interval  McNemar p  images/s";
        foreach (var row in rows)
        {
            var isFirst = row.Folder == rows[0].Folder;
            yield return string.Create(CultureInfo.InvariantCulture, $"{row.Name.PadRight(width)}  {row.Accuracy,8:0.00%}  {Interval(row.Interval95),16}") +
                (isFirst ? $"  {"-",9}  {"-",10}  {"-",16}  {"-",9}" : string.Create(CultureInfo.InvariantCulture,
                    $"  {row.Agreement,9:0.00%}  {row.Difference,10:+0.00%;-0.00%;0.00%}  {Interval(row.Difference95),16}  {row.McNemarP,9:0.0000}")) +
                string.Create(CultureInfo.InvariantCulture, $"  {row.ImagesPerSecond,8:#,0}");
        }
    }

    private static string Interval(IReadOnlyList<double> ends) => string.Create(CultureInfo.InvariantCulture, $"{ends[0]:0.00%} to {ends[1]:0.00%}");
}
