using System.Xml.Linq;
using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>How often the model is correct at each level of confidence, over how many images.</summary>
internal static class ReliabilityChart
{
    public static XElement Draw(IReadOnlyList<CalibrationBin> bins)
    {
        var plot = new Plot(Axis.Share("confidence"), Axis.Share("share of correct answers"));
        var filled = bins.Where(bin => bin.Count > 0).ToList();
        return Tag("figure",
            Tag("figcaption", Tag("b", "Reliability"), " ", Classed("span", "muted", "correct answers by confidence; on the dashed line confidence and accuracy agree")),
            plot.Draw(
                "Reliability diagram: share of correct answers for each bin of confidence",
                filled.Select(bin => Bar(plot, bin)),
                Plot.Line(plot.X(0), plot.Y(0), plot.X(1), plot.Y(1), "diagonal"),
                filled.Select(bin => Plot.Dot(plot.X(bin.MeanConfidence), plot.Y(bin.Accuracy), "dot s1", 3.5))),
            Legend());
    }

    /// <summary>Images in each bin, below: a bin of three images says little.</summary>
    public static XElement DrawCounts(IReadOnlyList<CalibrationBin> bins)
    {
        var counts = Axis.FromZero(bins.Select(bin => (double)bin.Count), "images") with { Show = value => Format.Number(value, "#,0.##") };
        var plot = new Plot(Axis.Share("confidence"), counts);
        return Tag("figure",
            Tag("figcaption", Tag("b", "Images by confidence"), " ", Classed("span", "muted", "images in each bin")),
            plot.Draw("Histogram of the confidence", bins.Where(bin => bin.Count > 0).Select(bin => Plot.Rectangle(
                plot.X(bin.Low) + 1, plot.Y(bin.Count), plot.X(bin.High) - plot.X(bin.Low) - 2, plot.Y(0) - plot.Y(bin.Count), "bar s2", Tip(bin)))));
    }

    private static XElement Bar(Plot plot, CalibrationBin bin) => Plot.Rectangle(
        plot.X(bin.Low) + 1, plot.Y(bin.Accuracy), plot.X(bin.High) - plot.X(bin.Low) - 2, plot.Y(0) - plot.Y(bin.Accuracy), "bar s1", Tip(bin));

    private static XElement Tip(CalibrationBin bin) => Tag("title",
        $"confidence {Format.Percent(bin.Low, 1)} to {Format.Percent(bin.High, 1)}: {Format.Count(bin.Count)} images, {Format.Percent(bin.Accuracy, 1)} correct, mean confidence {Format.Percent(bin.MeanConfidence, 1)}");

    private static XElement Legend() => Classed("div", "legend",
        Tag("span", Classed("span", "box s1"), "share correct in the bin"), Tag("span", Classed("span", "point s1"), "at its mean confidence"));
}
