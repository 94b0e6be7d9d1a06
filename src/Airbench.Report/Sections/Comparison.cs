using System.Xml.Linq;
using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>The parts of the page of two runs, A and B.</summary>
internal static class Comparison
{
    public static XElement Heads(Run a, Run b) => Html.Table(["", "run", "status", "seed", "all stages", "cost"], new[] { ("A", a), ("B", b) }.Select(entry =>
    {
        var (name, run) = entry;
        return Tag("tr", Tag("td", Tag("b", name)), Tag("td", run.Title), Classed("td", run.Status, run.Status), Number(run.Record is { } record ? $"{record.Seed}" : Format.None),
            Number(Format.Seconds(run.Times.Sum(time => time.WallSeconds))), Number(Format.Dollars(run.Usd)));
    }), firstNumber: 3);

    public static XElement? Accuracies(Run a, Run b)
    {
        var pairs = Pairs(a, b).ToList();
        if (pairs.Count == 0)
        {
            return Page.Section("accuracy", "Accuracy", Tag("p", "The runs have no evaluation in common: neither of one name, nor one alone on each side."));
        }
        return Page.Section("accuracy", "Accuracy", pairs.Select(pair => Pair(pair.A, pair.B)), Classed("p", "muted",
            "With TTA where the evaluation used it. A difference whose interval holds 0 may be chance alone. The interval is of the choice of images alone: another seed of the training would differ as well."));
    }

    public static XElement Options(Run a, Run b)
    {
        var (first, second) = (Texts(a), Texts(b));
        var rows = first.Keys.Concat(second.Keys.Where(key => !first.ContainsKey(key)))
            .Select(key => (Key: key, A: first.GetValueOrDefault(key), B: second.GetValueOrDefault(key)))
            .Where(row => row.A != row.B).ToList();
        return Page.Section("options", "Options that differ", rows.Count == 0
            ? Tag("p", first.Count == 0 || second.Count == 0 ? "A run has no pipeline.resolved.yaml: nothing to compare." : "None: both ran the same pipeline.")
            : Html.Table(["option", "A", "B"], rows.Select(row => Tag("tr",
                Classed("td", "wide", Tag("code", row.Key)), Classed("td", "wide", row.A ?? Format.None), Classed("td", "wide", row.B ?? Format.None))), firstNumber: 3));

        static Dictionary<string, string> Texts(Run run) =>
            (run.ResolvedYaml is { } yaml ? ResolvedOptions.Of(yaml) : []).DistinctBy(option => option.Key).ToDictionary();
    }

    public static XElement? Curves(Run a, Run b)
    {
        var groups = new[] { ("A", "s1", a), ("B", "s2", b) }
            .SelectMany(entry => entry.Item3.Curves.Select(curve => (
                Name: entry.Item3.Curves.Count > 1 ? $"{entry.Item1} {curve.Key}" : entry.Item1, CssClass: (string?)entry.Item2, Curve: curve.Value)))
            .Where(group => group.Curve.Count > 0)
            .ToList();
        return groups.Count == 0 ? null : Page.Section("curves", "Learning curves", Classed("div", "charts", Training.Charts(groups)));
    }

    public static XElement Times(Run a, Run b)
    {
        var stages = a.Times.Concat(b.Times).Select(time => time.Stage).Distinct();
        return Page.Section("time", "Time", Html.Table(["stage", "A, s", "B, s", "B less A, s", "B / A"], stages.Select(stage =>
        {
            var (first, second) = (Seconds(a, stage), Seconds(b, stage));
            return Tag("tr", Tag("td", stage), Number(Format.Number(first, "#,0.00")), Number(Format.Number(second, "#,0.00")),
                Number(Format.Number(second - first, "+#,0.00;−#,0.00;0.00")), Number(first > 0 ? Format.Number(second / first, "0.00") : Format.None));
        })), Classed("p", "muted", "From start to end of a stage, one sample each; other load on the machines is included."));

        static double? Seconds(Run run, string stage) => run.Times.Where(time => time.Stage == stage).ToList() is { Count: > 0 } times ? times.Sum(time => time.WallSeconds) : null;
    }

    public static XElement Environments(Run a, Run b)
    {
        var rows = Facts(a).Zip(Facts(b), (first, second) => (first.Name, A: first.Value, B: second.Value)).ToList();
        return Page.Section("environment", "Environment", Html.Table(["", "A", "B"], rows.Select(row => Tag("tr",
            Tag("td", row.Name), Classed("td", "wide", row.A ?? Format.None), Classed("td", "wide", row.A == row.B ? "the same" : row.B ?? Format.None))), firstNumber: 3));

        static IEnumerable<(string Name, string? Value)> Facts(Run run)
        {
            var machine = run.Record?.Machine;
            yield return (Product.Name, run.Record?.ProductVersion);
            yield return ("processor", machine is null ? null : $"{machine.Cpu}, {machine.Cores} cores");
            yield return ("GPU", machine is null ? null : machine.Gpu ?? "none");
            yield return ("system", machine?.Os);
            yield return ("runtime", machine?.Runtime);
            yield return ("device", string.Join(", ", run.Times.Select(time => time.Device).Where(device => device.Length > 0).Distinct()));
            yield return ("data", string.Join(", ", run.Datasets.Select(set => $"{set.Manifest.Name} {Format.Hash(set.Manifest.Sha256)}").Distinct()));
            yield return ("packages", string.Join(", ", run.Models.SelectMany(model => model.Manifest.Versions).Where(version => version.Key != Product.Name).Distinct().Select(version => $"{version.Key} {version.Value}")));
        }
    }

    /// <summary>Evaluations of one name; where a side has one alone, that one whatever its name.</summary>
    private static IEnumerable<(EvaluationData A, EvaluationData B)> Pairs(Run a, Run b)
    {
        var pairs = a.Evaluations.Join(b.Evaluations, first => first.Name, second => second.Name, (first, second) => (first, second)).ToList();
        return pairs.Count == 0 && a.Evaluations.Count == 1 && b.Evaluations.Count == 1 ? [(a.Evaluations[0], b.Evaluations[0])] : pairs;
    }

    private static IEnumerable<XElement> Pair(EvaluationData a, EvaluationData b)
    {
        yield return Tag("h3", a.Name == b.Name ? a.Name : $"{a.Name} and {b.Name}");
        yield return Html.Table(["", "model", "images", "TTA", "n", "plain", "accuracy", "95% interval"], new[] { ("A", a.Metrics), ("B", b.Metrics) }.Select(entry =>
        {
            var (name, metrics) = entry;
            var (low, high) = Accuracy.Interval(metrics.Correct, metrics.Count);
            return Tag("tr", Tag("td", Tag("b", name)), Tag("td", metrics.Model), Tag("td", metrics.Data), Tag("td", metrics.TtaInside is { } inside ? $"{EvaluationDetails.Words(inside)}, inside" : EvaluationDetails.Words(metrics.Tta)),
                Number(Format.Count(metrics.Count)), Number(metrics.HasPlain ? Format.Percent(metrics.AccuracyPlain) : Format.None), Number(Format.Percent(metrics.Accuracy)), Number(Format.Range(low, high)));
        }), firstNumber: 4);
        var difference = b.Metrics.Accuracy - a.Metrics.Accuracy;
        if (PairedAnswers.Read(a, b) is { Count: > 0 } answers)
        {
            var ends = Metrics.PairedInterval(answers.OnlyFirst, answers.OnlySecond, answers.Count);
            yield return Tag("p", Tag("b", $"B less A: {Format.Points(difference)}"),
                $", 95% interval {Format.Points(ends[0], unit: false)} to {Format.Points(ends[1])} (paired, the same {Format.Count(answers.Count)} images; Bonett and Price). Only A is correct on {Format.Count(answers.OnlyFirst)}, only B on {Format.Count(answers.OnlySecond)}; McNemar's exact p {Format.Number(Metrics.McNemar(answers.OnlyFirst, answers.OnlySecond), "0.0000")}.");
        }
        else
        {
            var ends = Metrics.UnpairedInterval(a.Metrics.Correct, a.Metrics.Count, b.Metrics.Correct, b.Metrics.Count);
            yield return Tag("p", Tag("b", $"B less A: {Format.Points(difference)}"),
                $", 95% interval {Format.Points(ends[0], unit: false)} to {Format.Points(ends[1])} (not the same images, so not paired; Newcombe).");
        }
        var rows = Accuracy.Rows("A", a.Metrics, named: true).Select(row => row with { CssClass = "s1" })
            .Concat(Accuracy.Rows("B", b.Metrics, named: true).Select(row => row with { CssClass = "s2" })).ToList();
        yield return Classed("div", "charts", IntervalChart.Draw("Accuracy", rows));
    }
}
