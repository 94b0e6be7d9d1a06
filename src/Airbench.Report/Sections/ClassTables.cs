using System.Xml.Linq;
using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>An evaluation, class by class.</summary>
internal static class ClassTables
{
    /// <summary>Classes up to which the whole table is open.</summary>
    private const int Open = 30;

    private const int WorstShown = 15;

    /// <summary>Rows of a table: with more classes the rest is only in the files.</summary>
    public const int MostRows = 1000;

    public static IEnumerable<XElement> Of(EvaluationData evaluation)
    {
        var classes = evaluation.Metrics.Classes;
        yield return Tag("h3", "Classes");
        if (classes.Count <= Open)
        {
            yield return Table(evaluation, classes);
        }
        else
        {
            yield return Classed("p", "muted", $"The {WorstShown} of {Format.Count(classes.Count)} classes with the lowest F1; all of them below.");
            yield return Table(evaluation, classes.Where(one => one.F1 is not null).OrderBy(one => one.F1).Take(WorstShown));
            yield return Tag("details", Tag("summary", Title(classes.Count, "metrics.json")), Table(evaluation, classes.Take(MostRows)));
        }
        yield return Classed("p", "muted",
            $"Intervals are Wilson's, 95%, of each class alone: among many classes some are off by chance.{(evaluation.TrainedOn is null ? "" : " Training images: those of the class that the model learned from.")}");
    }

    /// <summary>The summary of a table that is folded away.</summary>
    public static string Title(int classes, string file) => classes <= MostRows
        ? $"All {Format.Count(classes)} classes"
        : $"The first {Format.Count(MostRows)} of {Format.Count(classes)} classes; {file} has all of them";

    private static XElement Table(EvaluationData evaluation, IEnumerable<ClassMetrics> classes)
    {
        var predicted = Predicted(evaluation);
        var trained = evaluation.TrainedOn is { } counts ? counts.Classes.Zip(counts.Train).DistinctBy(one => one.First).ToDictionary(one => one.First, one => one.Second) : null;
        return Html.Table(
            ["class", .. trained is null ? [] : (string[])["training images"], "images", "recall", "95% interval", "precision", "95% interval", "F1", ""],
            classes.Select(one => Tag("tr",
                Classed("td", "wide", Tag("bdi", one.Name)),
                trained is null ? null : Number(trained.TryGetValue(one.Name, out var count) ? Format.Count(count) : Format.None),
                Number(Format.Count(one.Support)),
                Number(Format.Percent(one.Recall)), Number(Interval(one.Recall, one.Support)),
                Number(Format.Percent(one.Precision)), Number(Interval(one.Precision, predicted.GetValueOrDefault(one.Name))),
                Number(Format.Percent(one.F1)), Tag("td", Classed("span", "meter", Tag("span", Set("style", $"width:{Width(one.F1)}%")))))));
    }

    /// <summary>How often each class was the answer; empty where the matrix cannot be read.</summary>
    private static Dictionary<string, int> Predicted(EvaluationData evaluation)
    {
        var counts = new Dictionary<string, int>();
        foreach (var cell in evaluation.Confusion?.Cells ?? [])
        {
            var name = evaluation.Confusion!.Classes[cell.Predicted];
            counts[name] = counts.GetValueOrDefault(name) + cell.Count;
        }
        return counts;
    }

    private static string Interval(double? share, int count)
    {
        if (share is not { } value || !double.IsFinite(value) || count == 0)
        {
            return Format.None;
        }
        var ends = Proportion.WilsonInterval((int)Math.Round(value * count), count);
        return $"{Format.Percent(ends[0], 1)} to {Format.Percent(ends[1], 1)}";
    }

    private static string Width(double? share) => Format.Plain(share is { } value && double.IsFinite(value) ? value * 100 : 0);
}
