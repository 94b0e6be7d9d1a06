using System.Xml.Linq;
using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>Accuracy of every evaluation, plain and with test-time augmentation, each with its 95% Wilson interval.</summary>
internal static class Accuracy
{
    /// <summary>More rows than this are a table only.</summary>
    private const int MostBars = 12;

    public static (double Low, double High) Interval(int correct, int count)
    {
        var ends = Proportion.WilsonInterval(correct, count);
        return (ends[0], ends[1]);
    }

    public static XElement? Of(Run run)
    {
        if (run.Evaluations.Count == 0)
        {
            return null;
        }
        var rows = run.Evaluations.SelectMany(evaluation => Rows(Label(evaluation), evaluation.Metrics, run.Evaluations.Count > 1)).ToList();
        return Page.Section("accuracy", "Accuracy",
            Html.Table(
                ["evaluation", "model", "images", "n", "plain", "95% interval", "with TTA", "95% interval", "NLL, nats", "ECE", "images/s"],
                run.Evaluations.Select(Row), firstNumber: 3),
            rows.Count is > 1 and <= MostBars ? Classed("div", "charts", IntervalChart.Draw("Accuracy", rows)) : null,
            run.Evaluations.Where(evaluation => evaluation.Metrics.Comparison is not null).Select(Comparison),
            Classed("p", "muted", "Intervals are Wilson's. NLL: mean negative log-likelihood of the correct class. ECE: expected calibration error over 15 bins of confidence. Both, and the speed, with TTA where there is any."));
    }

    /// <summary>Points for the chart: with and without views.</summary>
    public static IEnumerable<IntervalRow> Rows(string name, EvaluationMetrics metrics, bool named)
    {
        if (metrics.HasPlain)
        {
            var (low, high) = Interval(metrics.CorrectPlain, metrics.Count);
            yield return new IntervalRow(named ? $"{ShortText.Fit(name, 13)}, plain" : "plain", metrics.AccuracyPlain, low, high, "s2");
        }
        if (metrics.HasViews)
        {
            var (low, high) = Interval(metrics.Correct, metrics.Count);
            yield return new IntervalRow(named ? $"{ShortText.Fit(name, 13)}, TTA" : "with TTA", metrics.Accuracy, low, high, "s1");
        }
    }

    /// <summary>The model's name where a stage evaluated several, else the stage's.</summary>
    private static string Label(EvaluationData evaluation) =>
        evaluation.Metrics.Comparison is [{ Name: var first }, ..] ? first : evaluation.IsFirst ? evaluation.Name : evaluation.Name[(evaluation.Stage.Length + 2)..];

    private static XElement Row(EvaluationData evaluation)
    {
        var metrics = evaluation.Metrics;
        var (plain, tta) = (Interval(metrics.CorrectPlain, metrics.Count), Interval(metrics.Correct, metrics.Count));
        return Tag("tr",
            Tag("td", evaluation.Name), Tag("td", metrics.Model),
            Tag("td", metrics.Data, metrics.Shard is { } shard ? $" (shard {shard})" : null, metrics.Broken > 0 ? $", {Format.Count(metrics.Broken)} broken" : null),
            Number(Format.Count(metrics.Count)),
            Number(metrics.HasPlain ? Format.Percent(metrics.AccuracyPlain) : Format.None), Number(metrics.HasPlain ? Format.Range(plain.Low, plain.High) : Format.None),
            Number(metrics.HasViews ? Format.Percent(metrics.Accuracy) : Format.None), Number(metrics.HasViews ? Format.Range(tta.Low, tta.High) : Format.None),
            Number(Format.Number(metrics.Nll, "0.0000")), Number(Format.Percent(metrics.Ece)), Number(Format.Number(metrics.ImagesPerSecond, "#,0.0")));
    }

    private static XElement[] Comparison(EvaluationData evaluation) =>
    [
        Tag("h3", $"{evaluation.Name}: models on the same images"),
        Html.Table(
            ["model", "accuracy", "95% interval", "agreement", "only first", "only this", "difference, points", "95% interval", "McNemar p", "images/s"],
            evaluation.Metrics.Comparison!.Select((row, i) => Tag("tr",
                Tag("td", row.Name), Number(Format.Percent(row.Accuracy)), Number(Format.Range(row.Interval95[0], row.Interval95[1])),
                i == 0
                    ? Enumerable.Repeat(0, 6).Select(_ => Number(Format.None))
                    : (XElement[])
                    [
                        Number(Format.Percent(row.Agreement)), Number(Format.Count(row.OnlyFirst)), Number(Format.Count(row.OnlyThis)),
                        Number(Format.Points(row.Difference, unit: false)),
                        Number($"{Format.Points(row.Difference95[0], unit: false)} to {Format.Points(row.Difference95[1], unit: false)}"),
                        Number(Format.Number(row.McNemarP, "0.000")),
                    ],
                Number(Format.Number(row.ImagesPerSecond, "#,0.0"))))),
    ];
}
