using System.Globalization;

namespace Airbench.Report;

/// <summary>A row of <c>timings.csv</c>.</summary>
/// <param name="Stage">Name of the stage.</param>
/// <param name="Uses">Its kind.</param>
/// <param name="Status">How it ended.</param>
/// <param name="Started">When, UTC; null where the row does not say.</param>
/// <param name="WallSeconds">From start to end.</param>
/// <param name="WorkSeconds">What the stage itself measured.</param>
/// <param name="Items">Images worked on.</param>
/// <param name="ItemsPerSecond">Rate.</param>
/// <param name="Device">What did the work.</param>
/// <param name="PeakMegabytes">High-water mark of resident memory, MiB.</param>
/// <param name="Usd">Cost.</param>
/// <param name="Error">Why it failed.</param>
internal sealed record StageTime(
    string Stage, string Uses, string Status, DateTime? Started, double WallSeconds, double? WorkSeconds, double? Items, double? ItemsPerSecond,
    string Device, double? PeakMegabytes, double? Usd, string? Error)
{
    /// <summary>Every whole row; columns by name, so that files of other versions can be read.</summary>
    public static IReadOnlyList<StageTime> Read(string path)
    {
        var rows = new List<StageTime>();
        var table = new Columns(path);
        foreach (var row in table.Rows())
        {
            rows.Add(new StageTime(
                row.Text("stage"), row.Text("uses"), row.Text("status"), Time(row.Text("started_utc")), row.Number("wall_seconds") ?? 0, row.Number("work_seconds"),
                row.Number("items"), row.Number("items_per_second"), row.Text("device"), row.Number("peak_rss_mb"), row.Number("usd"),
                row.Text("error") is { Length: > 0 } error ? error : null));
        }
        return rows;
    }

    private static DateTime? Time(string text) =>
        DateTime.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal, out var time) ? time : null;
}
