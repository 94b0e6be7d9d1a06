using System.Xml.Linq;
using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>One evaluation in depth: which classes are taken for which, how sure the model is, and where it is wrong.</summary>
internal static class EvaluationDetails
{
    private const int ConfusionsShown = 20;

    /// <summary>Classes up to which the whole table is open.</summary>
    private const int ClassesShown = 30;

    private const int WorstShown = 15;

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
            Classed("div", "charts",
                evaluation.Confusion is { } counts ? TopConfusions(counts) : null,
                Tag("div", Tag("h3", "Classes"), PerClass(metrics.Classes))),
            Mistakes(evaluation));
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
            confusion.Classes.Count > ConfusionChart.MostShades
                ? Classed("p", "muted", $"{Format.Count(confusion.Classes.Count)} classes are too many for a picture of the matrix; confusion.csv has all of it.") : null,
            Html.Table(["true class", "predicted as", "images", "of the class"], top.Select(cell => Tag("tr",
                Classed("td", "wide", confusion.Classes[cell.Actual]), Classed("td", "wide", confusion.Classes[cell.Predicted]),
                Number(Format.Count(cell.Count)), Number(Format.Percent((double)cell.Count / support[cell.Actual])))), firstNumber: 2));
    }

    private static IEnumerable<XElement> PerClass(IReadOnlyList<ClassMetrics> classes)
    {
        if (classes.Count <= ClassesShown)
        {
            yield return ClassTable(classes);
            yield break;
        }
        yield return Classed("p", "muted", $"The {WorstShown} of {Format.Count(classes.Count)} classes with the lowest F1; all of them below.");
        yield return ClassTable(classes.Where(one => one.F1 is not null).OrderBy(one => one.F1).Take(WorstShown));
        yield return Tag("details", Tag("summary", $"All {Format.Count(classes.Count)} classes"), ClassTable(classes));
    }

    private static XElement ClassTable(IEnumerable<ClassMetrics> classes) => Html.Table(
        ["class", "images", "precision", "recall", "F1", ""],
        classes.Select(one => Tag("tr",
            Classed("td", "wide", one.Name), Number(Format.Count(one.Support)), Number(Format.Percent(one.Precision)), Number(Format.Percent(one.Recall)),
            Number(Format.Percent(one.F1)), Tag("td", Classed("span", "meter", Tag("span", Set("style", $"width:{Width(one.F1)}%")))))));

    private static string Width(double? share) => Format.Plain(share is { } value && double.IsFinite(value) ? value * 100 : 0);

    private static IEnumerable<XElement> Mistakes(EvaluationData evaluation)
    {
        if (evaluation.Predictions?.Mistakes is not { Count: > 0 } mistakes)
        {
            yield break;
        }
        yield return Tag("h3", mistakes.Count == Predictions.MistakesShown ? $"The {mistakes.Count} most confident mistakes" : "All mistakes, the most confident first");
        yield return Classed("p", "muted", "Prediction, confidence and label. Look for wrong labels among them.");
        if (evaluation.NoPictures is { } why)
        {
            yield return Classed("p", "note", $"No pictures: {why}.");
        }
        yield return Classed("ul", "pictures", mistakes.Select(mistake => Tag("li",
            evaluation.Pictures.TryGetValue(mistake.Index, out var png)
                ? Tag("img", Set("src", $"data:image/png;base64,{Convert.ToBase64String(png)}"), Set("alt", $"{mistake.Label}, predicted as {mistake.Predicted}")) : null,
            Tag("b", mistake.Predicted), $" {Format.Percent(mistake.Confidence, 1)}", Tag("br"),
            "is ", Tag("b", mistake.Label), Tag("br"), Classed("span", "muted small", mistake.Path))));
    }

    private static XElement Broken(EvaluationData evaluation) => Classed("div", "note",
        Tag("p", $"{Format.Count(evaluation.Metrics.Broken)} images could not be decoded and are in none of these numbers."),
        Tag("details", Tag("summary", "The first of them"), Tag("ul",
            (evaluation.Predictions?.Broken ?? []).Select(broken => Tag("li", Tag("code", broken.Path), $": {broken.Error}")))));
}
