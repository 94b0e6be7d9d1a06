using System.Xml.Linq;
using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>One evaluation in depth: which classes are taken for which, how sure the model is, and where it is wrong.</summary>
internal static class EvaluationDetails
{
    private const int ConfusionsShown = 20;

    public static XElement Of(EvaluationData evaluation, int number, bool only)
    {
        var metrics = evaluation.Metrics;
        return Page.Section($"evaluation-{number}", only ? "Evaluation" : $"Evaluation: {evaluation.Name}",
            Tag("p", $"{metrics.Model} on {metrics.Data}: {Format.Count(metrics.Correct)} of {Format.Count(metrics.Count)} correct",
                metrics.TtaInside is { } inside ? $" with TTA inside the model ({Words(inside)})" : metrics.Tta == Tta.None ? " from the unaugmented images" : $" with TTA ({Words(metrics.Tta)}), {Format.Count(metrics.CorrectPlain)} from the unaugmented images",
                $"; {metrics.Provider}."),
            metrics.AllViewsShare is { } share
                ? Classed("p", "muted", $"Adaptive: {Format.Percent(share, 1)} of the images were below confidence {Format.Number(metrics.AdaptiveThreshold, "0.###")} and got all views.") : null,
            metrics.Broken > 0 ? Broken(evaluation) : null,
            Tag("h3", "Confusion and calibration"),
            Classed("div", "charts",
                evaluation.Confusion is { } confusion ? ConfusionChart.Draw(confusion) : null,
                evaluation.Predictions is { Count: > 0 } predictions
                    ? Tag("div", ReliabilityChart.Draw(predictions.Bins), Classed("p", "muted", Calibration(metrics, predictions)), ReliabilityChart.DrawCounts(predictions.Bins)) : null),
            evaluation.Confusion is { } counts ? TopConfusions(counts) : null,
            ClassTables.Of(evaluation),
            ImageLists.Of(evaluation));
    }

    public static string Words(Tta tta) => tta switch
    {
        Tta.Mirror => "mirrored views",
        Tta.MirrorTranslate => "mirrored and shifted views",
        Tta.None => "none",
        _ => tta.ToString().ToLowerInvariant(),
    };

    private static string Calibration(EvaluationMetrics metrics, Predictions predictions)
    {
        var (confidence, accuracy) = (predictions.Bins.Sum(bin => bin.Confidence) / predictions.Count, (double)predictions.Bins.Sum(bin => bin.Correct) / predictions.Count);
        var gap = confidence - accuracy;
        var verdict = Math.Abs(gap) < 0.005 ? "well calibrated" : gap > 0 ? "overconfident" : "underconfident";
        return $"ECE {Format.Percent(metrics.Ece)}: mean confidence {Format.Percent(confidence)}, accuracy {Format.Percent(accuracy)}; overall {verdict}.";
    }

    private static XElement TopConfusions(ConfusionCounts confusion)
    {
        var support = confusion.Support();
        var top = confusion.Mistakes().Take(ConfusionsShown).ToList();
        if (top.Count == 0)
        {
            return Tag("div", Tag("h3", "Confusions"), Tag("p", "No image was confused with another class."));
        }
        return Tag("div", Tag("h3", "Most frequent confusions"),
            Html.Table(["true class", "predicted as", "images", "of the class"], top.Select(cell => Tag("tr",
                Classed("td", "wide", Tag("bdi", confusion.Classes[cell.Actual])), Classed("td", "wide", Tag("bdi", confusion.Classes[cell.Predicted])),
                Number(Format.Count(cell.Count)), Number(Format.Percent((double)cell.Count / support[cell.Actual])))), firstNumber: 2));
    }

    private static XElement Broken(EvaluationData evaluation) => Classed("div", "note",
        Tag("p", $"{Format.Count(evaluation.Metrics.Broken)} images could not be decoded and are in none of these numbers."),
        Tag("details", Tag("summary", "The first of them"), Tag("ul",
            (evaluation.Predictions?.Broken ?? []).Select(broken => Tag("li", Tag("code", broken.Path), $": {broken.Error}")))));
}
