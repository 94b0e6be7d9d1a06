using System.Xml.Linq;
using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>What ran, when, for how long and at what cost.</summary>
internal static class Timeline
{
    public static XElement? Of(Run run)
    {
        if (run.Times.Count == 0 && run.Record is null)
        {
            return null;
        }
        return Page.Section("time", "What ran", Bars(run), run.Times.Count == 0 ? null : Table(run.Times),
            run.Usd is null ? Classed("p", "muted", "No price was given: with usd_per_hour in the pipeline, every stage has its cost here.") : null);
    }

    /// <summary>A bar for every stage from its start to its end, all on one scale.</summary>
    private static XElement Bars(Run run)
    {
        var starts = run.Times.Where(time => time.Started is not null).Select(time => time.Started!.Value).ToList();
        var first = starts.Count == 0 ? default : starts.Min();
        var total = Math.Max(1e-3, run.Times.Select(time => Offset(time) + time.WallSeconds).DefaultIfEmpty(0).Max());
        return Classed("div", "time",
            Rows(),
            run.Times.Count == 0 ? null : (object?[])[Tag("span"), Classed("div", "scale", Tag("span", "0"), Classed("span", "middle", Format.Seconds(total / 2)), Tag("span", Format.Seconds(total))), Tag("span")]);

        double Offset(StageTime time) => time.Started is { } start ? (start - first).TotalSeconds : 0;

        IEnumerable<XElement> Rows()
        {
            var stages = run.Record?.Stages.Select(stage => stage.Stage) ?? [];
            foreach (var name in stages.Concat(run.Times.Select(time => time.Stage)).Distinct())
            {
                var record = run.Record?.Stages.FirstOrDefault(stage => stage.Stage == name);
                var times = run.Times.Where(time => time.Stage == name).ToList();
                var status = times.LastOrDefault()?.Status ?? record?.Status ?? "";
                yield return Classed("span", "name", name);
                yield return Classed("div", "track", times.Select(time => Classed("span", $"span {time.Status}", Set("style", string.Join(';',
                    $"left:{Format.Plain(Math.Min(99.5, Offset(time) / total * 100))}%", $"width:{Format.Plain(time.WallSeconds / total * 100)}%")))));
                yield return Classed("span", $"took {status}", times.Count > 0 ? Format.Seconds(times.Sum(time => time.WallSeconds)) : Format.None);
                var why = status == "cached" && record?.Why is { } reason ? $"not run: {reason}. " : null;
                yield return Classed("span", "what", why, record?.Summary ?? times.LastOrDefault()?.Error ?? record?.Error ?? (status == "ok" ? null : Word(status)));
            }
        }
    }

    private static XElement Table(IReadOnlyList<StageTime> times)
    {
        var priced = times.Any(time => time.Usd is not null);
        string[] columns = ["stage", "uses", "status", "device", "wall, s", "work, s", "items", "items/s", "peak memory, MiB", .. priced ? (string[])["cost, US$"] : []];
        return Html.Table(columns, times.Select(time => Tag("tr",
            Tag("td", time.Stage), Tag("td", time.Uses), Classed("td", time.Status, time.Status), Tag("td", time.Device),
            Number(Format.Number(time.WallSeconds, "#,0.00")), Number(Format.Number(time.WorkSeconds, "#,0.00")), Number(Format.Number(time.Items, "#,0")),
            Number(Format.Number(time.ItemsPerSecond, "#,0.0")), Number(Format.Number(time.PeakMegabytes, "#,0")),
            priced ? Number(Format.Dollars(time.Usd)) : null)), firstNumber: 4);
    }

    private static string Word(string status) => status switch
    {
        "existing" => "from an earlier run",
        "notrun" => "did not run",
        "skipped" => "skipped: nothing that ran needed it",
        _ => status,
    };
}
