using System.Xml.Linq;
using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>Learning curves and the result of every training run.</summary>
internal static class Training
{
    /// <summary>More runs than this are drawn thin.</summary>
    private const int MostBoldRuns = 3;

    public static XElement? Of(Run run) => run.Models.Count == 0 ? null : Page.Section("training", "Training", run.Models.Select(model => One(
        run, model, run.Models.Count > 1)));

    /// <summary>Loss, accuracy and learning rate over epochs.</summary>
    /// <param name="groups">Curves by the name of their group and its colour; one group has a colour for each kind of line.</param>
    public static IEnumerable<XElement> Charts(IReadOnlyList<(string Name, string? CssClass, IReadOnlyList<CurvePoint> Curve)> groups)
    {
        var points = groups.SelectMany(group => group.Curve).ToList();
        if (points.Count == 0)
        {
            yield break;
        }
        var epochs = Axis.FromZero(points.Select(point => point.Epoch), "epochs");
        var accuracy = Lines("training", "s1", "", point => point.TrainAccuracy).Concat(Lines("test, plain", "s2", "dash", point => point.ValidationAccuracy))
            .Concat(Lines("held out", "s2", "dash", point => point.HeldOutAccuracy)).ToList();
        yield return LineChart.Draw("Accuracy", epochs, Axis.Share("share of images, 0% to 100%"), accuracy);
        var losses = Lines("training", "s1", "", point => point.TrainLoss).Concat(Lines("test, plain", "s2", "dash", point => point.ValidationLoss))
            .Concat(Lines("held out", "s2", "dash", point => point.HeldOutLoss)).ToList();
        yield return LineChart.Draw("Loss", epochs, Axis.FromZero(losses.SelectMany(line => line.Points).Select(point => point.Y), "mean of an image, nats"), losses);
        yield return LineChart.Draw("Learning rate", epochs,
            Axis.FromZero(points.Select(point => point.LearningRate ?? 0), "at the end of the epoch, in the recipe's units"), [.. Lines("learning rate", "s1", "", point => point.LearningRate)]);

        // One group: a colour a kind. Two groups: a colour a group, dashes for the second kind.
        IEnumerable<Series> Lines(string kind, string own, string dash, Func<CurvePoint, double?> value) =>
            from @group in groups
            from one in @group.Curve.GroupBy(point => point.Run)
            let thin = @group.Curve.Select(point => point.Run).Distinct().Take(MostBoldRuns + 1).Count() > MostBoldRuns ? " thin" : ""
            let measured = one.Where(point => value(point) is not null).Select(point => (point.Epoch, value(point)!.Value)).ToList()
            where measured.Count > 0
            select new Series(
                groups.Count == 1 ? kind : $"{@group.Name}, {kind}", $"{@group.CssClass ?? own} {(@group.CssClass is null ? "" : dash)}{thin}".TrimEnd(), measured);
    }

    private static XElement Augmentation(Recipe recipe, Picture picture)
    {
        IEnumerable<string> parts =
        [
            .. recipe.Flip == Flip.None ? [] : new[] { $"{recipe.Flip.ToString().ToLowerInvariant()} flip" },
            .. recipe.Translate == 0 ? [] : new[] { $"moved by up to {recipe.Translate} pixels" },
            .. recipe.Cutout == 0 ? [] : new[] { $"a hole of {recipe.Cutout} pixels" },
            .. recipe.ColorJitter is { } jitter ? new[] { $"brightness within ±{Format.Number(jitter.Brightness, "0.###")}, contrast within ±{Format.Number(jitter.Contrast, "0.###")}" } : [],
            .. recipe.Resolutions is { Count: > 0 } ? new[] { "smaller images in early epochs" } : [],
        ];
        return Tag("figure",
            Tag("figcaption", Tag("b", "Augmentation"), " ", Classed("span", "muted", $"training images as they are (left) and drawn for four epochs: {string.Join(", ", parts)}")),
            Images.Of(picture, "Training images, each as it is and in four augmented forms", "augmented"));
    }

    /// <summary>What learned, for people.</summary>
    public static string Words(TransferPart part) => part switch
    {
        TransferPart.LastBlock => "head and last block",
        TransferPart.All => "all layers",
        _ => "new head",
    };

    private static IEnumerable<XElement> Transferred(Run run, Recorded<ModelManifest> recorded, Transfer transfer, bool isOwn)
    {
        var (model, backbone, result) = (recorded.Manifest, recorded.Manifest.Backbone!, recorded.Manifest.Runs[0]);
        IEnumerable<string> views = [.. transfer.Mirror ? ["its mirror image"] : (string[])[], .. transfer.Crops > 0 ? [Counted.Of(transfer.Crops, "random crop")] : (string[])[]];
        yield return Tag("p",
            $"{Words(transfer.Train)} on {backbone.Name} ({backbone.Origin}), {Format.Count(backbone.Parameters)} parameters, for {model.DatasetName}; {model.Device}",
            isOwn ? "." : $"; trained by an earlier run, kept in {recorded.Folder}.");
        yield return Tag("p",
            $"Of each training image it learned {string.Join(", ", views.Prepend("the image"))}. {(transfer.ClassWeights == ClassWeights.Balanced ? "Each class counts as much as any other." : "Each image counts as much as any other.")} " +
            $"Penalty on the squared weights of the head, chosen by cross-validation on the training images: {Format.Number(transfer.L2, "0.####")}.");
        var curve = run.Curves.GetValueOrDefault(recorded.Stage, []);
        yield return Classed("div", "charts", Charts([("", null, curve)]));
        yield return Html.Table(["seed", "plain", "with TTA", "training, s", "steps"], [Tag("tr",
            Tag("td", $"{result.Seed}"), Number(Format.Percent(result.AccuracyPlain)), Number(Format.Percent(result.AccuracyTta)),
            Number(Format.Number(result.TrainSeconds, "#,0.00")), Number(Format.Count(result.Steps)))]);
        yield return Classed("p", "muted", $"On {Counted.Of(model.Fp32.Count, "test image")}. Seconds: features, search of the penalty and training.");
        if (transfer.CrossValidation is { } validation)
        {
            yield return Tag("h3", "Cross-validation");
            yield return Tag("p",
                $"All {Format.Count(validation.Count)} images, of both splits, were divided into {validation.Folds} parts, and each part was asked of a model that learned the others. " +
                $"{Format.Count(validation.Accuracy.Correct)} answers were right: ", Tag("b", Format.Percent(validation.Accuracy.Accuracy)),
                $", 95% interval {Format.Range(validation.Accuracy.Low95, validation.Accuracy.High95)} (Wilson); mean recall of the classes {Format.Percent(validation.BalancedAccuracy)}.",
                validation.Repeats > 1 ? $" Mean of {validation.Repeats} such divisions: {Format.Percent(validation.MeanAccuracy)}, from {Format.Range(validation.Accuracies.Min(), validation.Accuracies.Max())}." : "");
            yield return Html.Table(["class", "recall"], model.Classes.Zip(validation.Recalls, (name, recall) => Tag("tr",
                Tag("td", name), Number(recall is { } share ? Format.Percent(share) : "no images"))));
            yield return Classed("p", "muted", "It judges this way of training on so many images, not the exported model itself, which learned the training split.");
        }
    }

    private static IEnumerable<XElement> One(Run run, Recorded<ModelManifest> recorded, bool named)
    {
        var (model, isOwn) = (recorded.Manifest, run.Times.Any(time => time.Stage == recorded.Stage && time.Uses == "train" && time.Status == "ok"));
        if (named)
        {
            yield return Tag("h3", recorded.Stage);
        }
        if (model.Transfer is { } transfer)
        {
            foreach (var element in Transferred(run, recorded, transfer, isOwn))
            {
                yield return element;
            }
            yield break;
        }
        var recipe = model.Recipe!;
        yield return Tag("p",
            $"{recipe.Name}, {Format.Number(recipe.Epochs, "0.##")} epochs of batches of {Format.Count(recipe.BatchSize)} on {model.DatasetName}, {model.Precision}, {model.Device}, {model.Threads} threads",
            isOwn ? "." : $"; trained by an earlier run, kept in {recorded.Folder}.");
        var curve = run.Curves.GetValueOrDefault(recorded.Stage, []);
        yield return Classed("div", "charts", Charts([("", null, curve)]), run.Augmentations.TryGetValue(recorded.Stage, out var picture) ? Augmentation(recipe, picture) : null);
        if (curve.Any(point => point.ValidationLoss is not null))
        {
            var smoothing = recipe.LabelSmoothing > 0 ? $", labels smoothed by {Format.Number(recipe.LabelSmoothing, "0.###")}" : "";
            yield return Classed("p", "muted",
                $"Two losses: of training the mean over the epoch, on augmented images{smoothing}; of test the cross-entropy after the epoch, on untouched images and labels. Their turns can be compared, their heights cannot.");
        }
        yield return Html.Table(["seed", "plain", "with TTA", "training, s", "steps", "s/step"], model.Runs.Select(result => Tag("tr",
            Tag("td", $"{result.Seed}"), Number(Format.Percent(result.AccuracyPlain)), Number(Format.Percent(result.AccuracyTta)),
            Number(Format.Number(result.TrainSeconds, "#,0.00")), Number(Format.Count(result.Steps)),
            Number(Format.Number(result.Steps > 0 ? result.TrainSeconds / result.Steps : null, "0.000")))));
        var summary = model.AccuracyTta;
        if (summary is { StandardDeviation: { } deviation, Low95: { } low, High95: { } high })
        {
            yield return Tag("p", $"With TTA over {summary.Count} runs: mean {Format.Percent(summary.Mean)}, standard deviation {Format.Percent(deviation)}, 95% interval of the mean {Format.Range(low, high)} (Student's t).");
        }
        yield return Classed("p", "muted",
            $"Accuracies here are TorchSharp's, in the training's precision, on the test split; the first seed is what is exported. Seconds: whitening, training and the last evaluation with TTA ({EvaluationDetails.Words(recipe.Tta)}).");
    }
}
