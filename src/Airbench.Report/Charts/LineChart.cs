using System.Text;
using System.Xml.Linq;
using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>A line of a chart.</summary>
/// <param name="Name">What the legend calls it; lines of one name share an entry.</param>
/// <param name="CssClass">Its colour: s1 to s4; dashed with "dash" behind.</param>
/// <param name="Points">In the order of x. A point that is not finite leaves a gap.</param>
internal sealed record Series(string Name, string CssClass, IReadOnlyList<(double X, double Y)> Points);

/// <summary>Lines over a common x, with a legend.</summary>
internal static class LineChart
{
    /// <summary>More points than this a line are thinned: they would be closer than a pixel.</summary>
    private const int MostPoints = 400;

    public static XElement Draw(string title, Axis x, Axis y, IReadOnlyList<Series> series)
    {
        var plot = new Plot(x, y);
        var dots = series.Sum(line => line.Points.Count) <= 150;
        return Tag("figure",
            Tag("figcaption", Tag("b", title), " ", Tag("span", Classed("span", "muted", y.Label))),
            plot.Draw(title, series.Select(line => Lines(plot, line, dots))),
            Legend(series));
    }

    /// <summary>A swatch and a name for every kind of line.</summary>
    public static XElement Legend(IEnumerable<Series> series) => Classed("div", "legend", series.DistinctBy(line => (line.Name, line.CssClass)).Select(line =>
        Tag("span", Tag("svg", Set("viewBox", "0 0 24 10"), Set("class", "swatch"), Set("aria-hidden", "true"), Plot.Line(0, 5, 24, 5, $"line {line.CssClass}")), line.Name)));

    private static IEnumerable<XElement> Lines(Plot plot, Series line, bool dots)
    {
        var path = new StringBuilder();
        var pen = 'M';
        var every = Math.Max(1, line.Points.Count / MostPoints);
        foreach (var (i, (x, y)) in line.Points.Index())
        {
            if (!double.IsFinite(x) || !double.IsFinite(y))
            {
                pen = 'M';
            }
            else if (i % every == 0 || i == line.Points.Count - 1)
            {
                path.Append(pen).Append(Format.Plain(plot.X(x))).Append(' ').Append(Format.Plain(plot.Y(y)));
                pen = 'L';
            }
        }
        if (path.Length > 0)
        {
            yield return Tag("path", Set("d", path.ToString()), Set("class", $"line {line.CssClass}"));
        }
        foreach (var (x, y) in line.Points.Where(point => dots && double.IsFinite(point.X) && double.IsFinite(point.Y)))
        {
            yield return Plot.Dot(plot.X(x), plot.Y(y), $"dot {line.CssClass}", 2.5);
        }
    }
}
