using System.Globalization;
using System.Xml.Linq;
using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>The top of the page: what it was, how it ended, the numbers that are asked for first.</summary>
internal static class Overview
{
    public static IEnumerable<XElement> Of(Run run)
    {
        yield return Tag("p", Classed("span", $"badge {run.Status}", run.Status), run.Synthetic ? Classed("span", "badge synthetic", "synthetic data") : null);
        yield return Tag("h1", run.Title);
        yield return Classed("p", "muted", string.Join(" · ", Subtitle(run)));
        foreach (var problem in Problems(run))
        {
            yield return problem;
        }
        if (run.Synthetic)
        {
            yield return Classed("p", "note", "The images are drawn by a program: these numbers say that the pipeline works, not how good a model would be on photographs.");
        }
        foreach (var note in run.Notes)
        {
            yield return Classed("p", "note", note);
        }
        var cards = Cards(run).ToList();
        if (cards.Count > 0)
        {
            yield return Classed("div", "cards", cards);
        }
    }

    private static IEnumerable<string> Subtitle(Run run)
    {
        if (run.Times.Select(time => time.Started).FirstOrDefault(time => time is not null) is { } start)
        {
            yield return start.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);
        }
        if (run.Record is { } record)
        {
            yield return $"seed {record.Seed}";
            yield return $"device {record.Device}";
            yield return $"{Product.Name} {record.ProductVersion.Split('+')[0]}";
        }
    }

    private static IEnumerable<XElement> Problems(Run run)
    {
        var stages = run.Record?.Stages.Select(stage => (stage.Stage, stage.Status, stage.Error))
            ?? run.Times.Select(time => (time.Stage, time.Status, time.Error));
        var any = false;
        foreach (var (stage, status, error) in stages.Where(stage => stage.Status is "failed" or "cancelled" or "notrun"))
        {
            any = true;
            var word = status == "notrun" ? "did not run" : status;
            yield return Classed("p", "problem", Tag("b", $"{stage} {word}"), error is null ? null : $": {error}");
        }
        if (any && run.LastLines.Count > 0)
        {
            yield return Tag("details", Tag("summary", "Last lines of log.txt"), Tag("pre", string.Join('\n', run.LastLines)));
        }
    }

    private static IEnumerable<XElement> Cards(Run run)
    {
        foreach (var evaluation in run.Evaluations.Where(evaluation => evaluation.IsFirst).Take(3))
        {
            var metrics = evaluation.Metrics;
            var where = run.Evaluations.Count(other => other.IsFirst) > 1 ? $" ({evaluation.Name})" : "";
            if (metrics.HasViews)
            {
                var (low, high) = Accuracy.Interval(metrics.Correct, metrics.Count);
                yield return Card($"accuracy with TTA{where}", Format.Percent(metrics.Accuracy), $"{Format.Range(low, high)} (95%)");
            }
            if (metrics.HasPlain)
            {
                var (low, high) = Accuracy.Interval(metrics.CorrectPlain, metrics.Count);
                yield return Card($"accuracy, plain{where}", Format.Percent(metrics.AccuracyPlain), $"{Format.Range(low, high)} (95%)");
            }
        }
        if (run.Models.FirstOrDefault(model => Ran(run, model.Stage)) is { Manifest: var model })
        {
            if (model.Transfer?.CrossValidation is { } validation)
            {
                yield return Card($"cross-validation, {Format.Count(validation.Count)} images", Format.Percent(validation.Accuracy.Accuracy),
                    $"{Format.Range(validation.Accuracy.Low95, validation.Accuracy.High95)} (95%)");
            }
            var what = model.Runs.Count > 1 ? $"mean of {model.Runs.Count} runs, {model.Device}" : $"{(model.Backbone is { } backbone ? $"{backbone.Name}, {Training.Words(model.Transfer!.Train)}" : model.RecipeName)}, {model.Precision}, {model.Device}";
            var earlier = run.Times.Any(time => time.Uses == "train" && time.Status == "ok") ? "" : "; by an earlier run";
            yield return Card("training", Format.Seconds(model.Runs.Average(result => result.TrainSeconds)), what + earlier);
        }
        if (run.Times.Count > 0)
        {
            yield return Card("all stages", Format.Seconds(run.Times.Sum(time => time.WallSeconds)), "from start to end, files included");
        }
        if (run.Usd is { } usd)
        {
            yield return Card("cost", Format.Dollars(usd), run.Record?.UsdPerHour is { } price ? $"at {Format.Dollars(price)} an hour" : "of the machine");
        }
        if (run.Bundles is [.., { Manifest: var bundle }] && bundle.Variants.Values.FirstOrDefault() is { } file)
        {
            yield return Card("model", Format.Bytes(file.Bytes), bundle.Variants.Count > 1 ? $"{file.File} and {bundle.Variants.Count - 1} more" : $"{file.File}, opset {bundle.Opset}");
        }
    }

    private static bool Ran(Run run, string stage) => run.Times.Any(time => time.Stage == stage && time.Uses == "train" && time.Status is "ok" or "cached");

    private static XElement Card(string name, string value, string detail) =>
        Classed("div", "card", Classed("span", "muted", name), Tag("b", value), Classed("span", "muted", detail));
}
