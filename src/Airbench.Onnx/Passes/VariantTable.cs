using System.Globalization;

namespace Airbench.Onnx;

/// <summary>Variants side by side, for people.</summary>
internal static class VariantTable
{
    private static readonly string[] Header = ["variant", "bytes", "accuracy", "drop", "agreement", "images/s", "p50 ms", "device"];

    /// <summary>A line a variant under a header, in columns. Speed: batch 100; p50: batch 1.</summary>
    public static IEnumerable<string> Lines(IReadOnlyDictionary<string, VariantFile> variants)
    {
        string[][] rows = [Header, .. variants.Select(variant => Row(variant.Key, variant.Value))];
        var widths = Header.Select((_, column) => rows.Max(row => row[column].Length)).ToArray();
        return rows.Select(row => string.Join("  ", row.Select((cell, i) => i == 0 ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i]))));
    }

    private static string[] Row(string name, VariantFile variant) => variant.Score is { } score
        ? [name, Text(variant.Bytes, "#,0"), Percent(score.Accuracy), Percent(score.Drop), Percent(score.Agreement), Text(score.ImagesPerSecond, "#,0"),
            Text(score.P50Ms, "0.000"), score.Device]
        : throw new ArgumentException($"{name} has no score", nameof(variant));

    private static string Percent(double share) => Text(share * 100, "0.00") + "%";

    private static string Text(IFormattable value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
