using System.Xml.Linq;
using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>Values along one side of a plot.</summary>
/// <param name="Low">Value at the origin.</param>
/// <param name="High">Value at the far end.</param>
/// <param name="Label">What it is, with its unit.</param>
/// <param name="Show">Text of a tick.</param>
internal sealed record Axis(double Low, double High, string Label, Func<double, string> Show)
{
    /// <summary>Shares from 0% to 100%, never a part of them: a part makes small differences look large.</summary>
    public static Axis Share(string label) => new(0, 1, label, value => Format.Percent(value, 0));

    /// <summary>From 0 to a round number that holds every value.</summary>
    public static Axis FromZero(IEnumerable<double> values, string label)
    {
        var most = values.Where(double.IsFinite).DefaultIfEmpty(1).Max();
        var step = Step(most <= 0 ? 1 : most);
        return new Axis(0, most <= 0 ? 1 : Math.Ceiling((most / step) - 1e-9) * step, label, value => Format.Number(value, "0.######"));
    }

    /// <summary>Four to six round values, both ends included where they are round.</summary>
    public IEnumerable<double> Ticks()
    {
        var step = Step(High - Low);
        for (var i = (long)Math.Ceiling((Low / step) - 1e-9); i * step <= High + (step * 1e-9); i++)
        {
            yield return i * step;
        }
    }

    /// <summary>1, 2 or 5 times a power of ten.</summary>
    private static double Step(double span)
    {
        var rough = span / 5;
        var power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        return power * (rough / power) switch { < 1.5 => 1, < 3.5 => 2, < 7.5 => 5, _ => 10 };
    }
}

/// <summary>A rectangle with two axes, drawn in units that are about a pixel on a phone and somewhat more on a desk.</summary>
internal sealed class Plot(Axis x, Axis y, int height = Plot.Height)
{
    public const int Width = 440;
    public const int Height = 280;
    private const int Left = 46;
    private const int Right = 20;
    private const int Top = 10;
    private const int Bottom = 40;

    public double X(double value) => Left + ((Math.Clamp(value, x.Low, x.High) - x.Low) / (x.High - x.Low) * (Width - Left - Right));

    public double Y(double value) => height - Bottom - ((Math.Clamp(value, y.Low, y.High) - y.Low) / (y.High - y.Low) * (height - Top - Bottom));

    /// <summary>The picture: grid and axes, with <paramref name="content"/> above.</summary>
    /// <param name="title">What it shows, for those who cannot see it.</param>
    public XElement Draw(string title, params object?[] content) => Svg(Width, height, title, Grid(), content);

    /// <summary>An svg element that fills the width it gets.</summary>
    public static XElement Svg(double width, double height, string title, params object?[] content) => Tag("svg",
        Set("viewBox", $"0 0 {Format.Plain(width)} {Format.Plain(height)}"), Set("role", "img"), Set("aria-label", title), Tag("title", title), content);

    /// <summary>Text at a point.</summary>
    /// <param name="anchor">start, middle or end.</param>
    public static XElement Text(double x, double y, string text, string anchor = "middle", string cssClass = "tick") =>
        Tag("text", Set("x", x), Set("y", y), Set("text-anchor", anchor), Set("class", cssClass), text);

    public static XElement Line(double x1, double y1, double x2, double y2, string cssClass) =>
        Tag("line", Set("x1", x1), Set("y1", y1), Set("x2", x2), Set("y2", y2), Set("class", cssClass));

    public static XElement Rectangle(double x, double y, double width, double height, string cssClass, params object?[] content) => Tag("rect",
        Set("x", x), Set("y", y), Set("width", Math.Max(0, width)), Set("height", Math.Max(0, height)), Set("class", cssClass), content);

    public static XElement Dot(double x, double y, string cssClass, double radius = 3, string? title = null) =>
        Tag("circle", Set("cx", x), Set("cy", y), Set("r", radius), Set("class", cssClass), title is null ? null : Tag("title", title));

    private IEnumerable<XElement> Grid()
    {
        foreach (var tick in y.Ticks())
        {
            yield return Line(Left, Y(tick), Width - Right, Y(tick), "grid");
            yield return Text(Left - 6, Y(tick) + 4, y.Show(tick), "end");
        }
        foreach (var tick in x.Ticks())
        {
            yield return Line(X(tick), height - Bottom, X(tick), height - Bottom + 4, "axis");
            yield return Text(X(tick), height - Bottom + 16, x.Show(tick));
        }
        yield return Line(Left, height - Bottom, Width - Right, height - Bottom, "axis");
        yield return Text((Left + Width - Right) / 2.0, height - 6, x.Label, cssClass: "label");
    }
}
