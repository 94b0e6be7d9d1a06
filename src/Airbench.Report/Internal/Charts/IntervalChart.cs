using System.Xml.Linq;
using static Airbench.Report.Internal.Html;

namespace Airbench.Report.Internal.Charts;

/// <summary>A share and its interval.</summary>
internal sealed record IntervalRow(string Name, double Value, double Low, double High, string CssClass);

/// <summary>Shares as points with their 95% intervals as bars.</summary>
internal static class IntervalChart
{
    private const int RowHeight = 26;

    /// <summary>The least that the axis spans: half a point must not fill the picture.</summary>
    private const double LeastSpan = 0.1;

    /// <summary>The rows one below the other; ends of the axis are round, inside of 0% to 100%, and its ticks say where it begins.</summary>
    public static XElement Draw(string title, IReadOnlyList<IntervalRow> rows)
    {
        const double Left = 132, Right = 16, Top = 6;
        var (low, high) = Span(rows);
        var axis = new Axis(low, high, "", value => Format.Percent(value, high - low < 0.05 ? 1 : 0));
        var bottom = Top + (rows.Count * RowHeight) + 6;
        double X(double value) => Left + ((value - low) / (high - low) * (Plot.Width - Left - Right));
        return Tag("figure",
            Tag("figcaption", Tag("b", title), " ", Classed("span", "muted", low > 0 ? $"bars: 95% interval; the axis begins at {axis.Show(low)}" : "bars: 95% interval")),
            Plot.Svg(Plot.Width, bottom + 22, title,
                axis.Ticks().Select(tick => (XElement[])[Plot.Line(X(tick), Top, X(tick), bottom, "grid"), Plot.Text(X(tick), bottom + 15, axis.Show(tick))]),
                rows.Select((row, i) =>
                {
                    var y = Top + ((i + 0.5) * RowHeight);
                    return (XElement[])
                    [
                        Plot.Text(Left - 8, y + 4, Format.Short(row.Name, 20), "end", "label"),
                        Plot.Line(X(row.Low), y, X(row.High), y, $"whisker {row.CssClass}"),
                        Plot.Dot(X(row.Value), y, $"dot {row.CssClass}", 4, $"{row.Name}: {Format.Percent(row.Value)}, {Format.Range(row.Low, row.High)}"),
                    ];
                })));
    }

    private static (double Low, double High) Span(IReadOnlyList<IntervalRow> rows)
    {
        const double Round = 0.05;
        var (low, high) = (Math.Floor(rows.Min(row => row.Low) / Round) * Round, Math.Ceiling(rows.Max(row => row.High) / Round) * Round);
        (low, high) = (Math.Max(0, low), Math.Min(1, high));
        return high - low >= LeastSpan - 1e-9 ? (low, high) : high + Round <= 1 + 1e-9 ? (low, high + Round) : (low - Round, high);
    }
}
