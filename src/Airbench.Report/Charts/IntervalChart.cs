using System.Xml.Linq;
using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>A share and its interval.</summary>
internal sealed record IntervalRow(string Name, double Value, double Low, double High, string CssClass);

/// <summary>Shares as points with their 95% intervals as bars.</summary>
internal static class IntervalChart
{
    private const int RowHeight = 26;

    /// <summary>Lengths of a fifth of the axis. The least makes it 10 points long: half a point must not fill the picture.</summary>
    private static readonly double[] Steps = [0.02, 0.05, 0.1, 0.2];

    /// <summary>The rows one below the other; ends of the axis are round, inside of 0% to 100%, and its ticks say where it begins.</summary>
    public static XElement Draw(string title, IReadOnlyList<IntervalRow> rows)
    {
        const double Left = 132, Right = 16, Top = 6;
        var (low, step) = Span(rows);
        var high = low + (5 * step);
        var bottom = Top + (rows.Count * RowHeight) + 6;
        double X(double value) => Left + ((value - low) / (high - low) * (Plot.Width - Left - Right));
        return Tag("figure",
            Tag("figcaption", Tag("b", title), " ", Classed("span", "muted", low > 0 ? $"bars: 95% interval; the axis begins at {Format.Percent(low, 0)}" : "bars: 95% interval")),
            Plot.Svg(Plot.Width, bottom + 22, title,
                Enumerable.Range(0, 6).Select(i => low + (i * step)).Select(tick => (XElement[])[Plot.Line(X(tick), Top, X(tick), bottom, "grid"), Plot.Text(X(tick), bottom + 15, Format.Percent(tick, 0))]),
                rows.Select((row, i) =>
                {
                    var y = Top + ((i + 0.5) * RowHeight);
                    return (XElement[])
                    [
                        Plot.Text(Left - 8, y + 4, ShortText.Fit(row.Name, 20), "end", "label"),
                        Plot.Line(X(row.Low), y, X(row.High), y, $"whisker {row.CssClass}"),
                        Plot.Dot(X(row.Value), y, $"dot {row.CssClass}", 4, $"{row.Name}: {Format.Percent(row.Value)}, {Format.Range(row.Low, row.High)}"),
                    ];
                })));
    }

    /// <summary>The shortest axis of five equal steps that holds every interval.</summary>
    private static (double Low, double Step) Span(IReadOnlyList<IntervalRow> rows)
    {
        var (least, most) = (rows.Min(row => row.Low), rows.Max(row => row.High));
        foreach (var step in Steps)
        {
            var low = Math.Max(0, Math.Min(Math.Floor((least / step) + 1e-9) * step, 1 - (5 * step)));
            if (low + (5 * step) >= most - 1e-9)
            {
                return (low, step);
            }
        }
        return (0, Steps[^1]);
    }
}
