namespace Airbench.Onnx;

/// <summary>The finetune stage: an exported model and new images become a new bundle, through the same export and the same gates, or nothing.</summary>
public static class Finetuner
{
    /// <summary>Most images of the old data that judge an epoch.</summary>
    private const int MaxOldHeldOut = 1000;

    /// <summary>Adapts the model.</summary>
    /// <param name="inputs">Where it starts.</param>
    /// <param name="options">How.</param>
    /// <param name="modelFolder">models/&lt;name&gt;: gets the unfolded weights, from which the new bundle is exported.</param>
    /// <param name="bundleFolder">exports/&lt;name&gt;: gets the new bundle.</param>
    /// <param name="device">auto, cpu, cuda or cuda:N.</param>
    /// <param name="seed">Of the division of the images, the new rows of the head, the order of the batches and the augmentation.</param>
    /// <param name="progress">Where to say what happens.</param>
    /// <param name="cancel">Answered within a step.</param>
    /// <exception cref="DataException">Images that cannot be learned from; the message says why.</exception>
    /// <exception cref="GateException">The result misses a bound.</exception>
    public static (OnnxBundle Bundle, FinetuneRecord Facts) Finetune(
        FinetuneInputs inputs, FinetuneOptions options, string modelFolder, string bundleFolder, string device, int seed, IProgress progress,
        CancellationToken cancel) =>
        Finetune(inputs, options, modelFolder, bundleFolder, device, seed, request => FinetuneEngines.Open(request, options), progress, cancel);

    /// <summary>The same with an engine of the caller's: benchmarks put others beside ours.</summary>
    internal static (OnnxBundle Bundle, FinetuneRecord Facts) Finetune(
        FinetuneInputs inputs, FinetuneOptions options, string modelFolder, string bundleFolder, string device, int seed,
        Func<FinetuneRequest, IFinetuneEngine> open, IProgress progress, CancellationToken cancel)
    {
        if (inputs.Parent.Backbone is not null)
        {
            options = options.ForBackbone();
        }
        var export = inputs.ExportLike(options);
        var (bundle, parent) = (inputs.Bundle, inputs.Parent);
        progress.Info($"to be exported as {bundle.Folder}: {string.Join(", ", export.Variants)}; {bundle.Manifest.Signature?.Inputs[0]}, opset {export.Opset}");
        var head = HeadPlan.For(parent.Manifest.Classes, inputs.Data.Manifest.Classes, options.KeepClasses);
        var random = new Random(seed);
        using var data = FinetuneData.OpenNew(inputs.Data, parent.Manifest.Network, head.RowsOf(inputs.Data.Manifest.Classes), options.HeldOut, random);
        using var old = inputs.OldData is { } oldData
            ? FinetuneData.OpenOld(oldData, parent.Manifest.Network, head.RowsOf(oldData.Manifest.Classes), options.HeldOut, MaxOldHeldOut, random)
            : null;
        if (options.KeepClasses && old is null)
        {
            progress.Warn("the old classes stay in the head, but without old_data it does not rehearse them: it will likely forget them, and how much is not measured");
        }

        using var build = AtomicFolder.Create(modelFolder);
        var work = Directory.CreateDirectory(build.File("work")).FullName;
        var network = parent.Manifest.Network with { ClassCount = head.Classes.Count };
        var start = Path.Combine(work, "start.safetensors");
        using (var weights = TensorFile.Open(parent.File))
        {
            head.WriteWeights(weights, network, start, seed);
        }
        var request = new FinetuneRequest(
            network, start, TrainedParts.Find(options.Train)!.Value, options.LabelSmoothing, options.FrozenStatistics, device, options.Threads, Fresh("train"))
        {
            Backbone = parent.Backbone is { } found ? found with { HeadLr = TransferOptions.DefaultSteps(TransferPart.LastBlock).HeadLr / options.PeakLr() } : null,
        };
        if (request.Backbone is { } below && FittedHead.Write(start, below, network, old is null ? [data] : [data, old], request, seed, progress, cancel))
        {
            progress.Info("the head starts fitted to the images");
        }
        FinetuneOutcome outcome;
        double rehearsal;
        string engineName;
        using (var engine = open(request))
        {
            engineName = engine.Description;
            progress.Info($"{options.Train} on {data.Fit.Length:N0} images, {data.HeldOut.Length:N0} held out" +
                $"{(old is null ? "" : $", {old.Fit.Length:N0} old ones to rehearse")}; {head.Classes.Count} classes; {engineName}");
            var loop = new FinetuneLoop(engine, data, old, options, head.Classes.Count, head.OldRows.Contains(-1), seed, progress, cancel);
            (outcome, rehearsal) = (loop.Run(), loop.Rehearsal);
        }

        var weightsFile = build.File(TrainedModel.WeightsName);
        FinetunedModelWriter.WriteWeights(weightsFile, network, start, outcome.Weights);
        var backboneFile = parent.Backbone is { } backbone ? FinetunedModelWriter.WriteBackbone(build.File(TrainedModel.BackboneName), backbone, outcome.Weights) : null;
        // Judged by an engine of its own that has read the file: what is counted is what is written.
        using var judge = open(request with { WeightsFile = weightsFile, Folder = Fresh("judge"), Backbone = backboneFile });
        var after = FinetunedModelWriter.Answer(judge, data.Test, head.Classes.Count, cancel);
        using var before = OnnxClassifier.Open(bundle.File(bundle.Manifest.Variants["fp32"].File));
        var facts = new FinetuneRecord(
            new ParentModel(
                bundle.Manifest.Name, bundle.Manifest.Variants["fp32"].Sha256, bundle.Manifest.WeightsSha256, bundle.Manifest.DatasetName, bundle.Manifest.DatasetSha256),
            options.Train, engineName,
            new FinetuneSettings(
                options.PeakLr(), options.Momentum, options.WeightDecay, options.BatchSize, options.LabelSmoothing, options.Flip, options.Translate,
                rehearsal),
            data.Fit.Length, data.HeldOut.Length, old?.Fit.Length ?? 0, outcome.Epochs, outcome.BestEpoch,
            [.. head.Classes.Except(bundle.Manifest.Classes)], [.. bundle.Manifest.Classes.Except(head.Classes)],
            Compare(data, after))
        {
            Old = old is null ? null : Compare(old, FinetunedModelWriter.Answer(judge, old.Test, head.Classes.Count, cancel)),
        };
        progress.Info($"new data {facts.New}");
        progress.Info(facts.Old is { } known
            ? $"old data {known}"
            : $"old data: not given, so what was forgotten is not measured ({bundle.Manifest.DatasetName} before: see {bundle.Folder})");
        CheckGates(options, facts);

        var model = FinetunedModelWriter.Write(build, parent.Manifest, network, head.Classes, data, after, outcome, facts, judge.Description, options.Threads, seed);
        Directory.Delete(work, recursive: true);
        var exported = Exporter.Export(model, export, bundleFolder, inputs.Data, device, seed, progress, cancel);
        build.Commit();
        return (exported, facts);

        string Fresh(string name) => Directory.CreateDirectory(Path.Combine(work, name)).FullName;

        BeforeAndAfter Compare(FinetuneData side, float[] logits)
        {
            var rowsBefore = HeadPlan.Rows(bundle.Manifest.Classes, side.Dataset.Manifest.Classes);
            var parentLogits = FinetunedModelWriter.Answer(before, side.Test, before.ClassCount, cancel);
            return new BeforeAndAfter(
                $"{side.Dataset.Manifest.Name}/test", side.Test.Count,
                FinetunedModelWriter.CountCorrect(parentLogits, side.Test.Labels, rowsBefore), FinetunedModelWriter.CountCorrect(logits, side.Test.Labels, side.Rows));
        }
    }

    private static void CheckGates(FinetuneOptions options, FinetuneRecord facts)
    {
        var missed = new List<string>();
        var accuracy = (double)facts.New.CorrectAfter / facts.New.Count;
        if (options.Gates.TryGetValue("accuracy_min", out var least) && accuracy < least)
        {
            missed.Add(FormattableString.Invariant($"accuracy_min: {accuracy:0.0000} on {facts.New.Data}; expected at least {least}"));
        }
        if (options.Gates.TryGetValue("forgetting_max", out var most) && facts.Old is { } old &&
            (double)(old.CorrectBefore - old.CorrectAfter) / old.Count is var lost && lost > most)
        {
            missed.Add(FormattableString.Invariant($"forgetting_max: {lost:0.0000} lost on {old.Data}; expected at most {most}"));
        }
        if (missed.Count > 0)
        {
            throw new GateException(string.Join("; ", missed));
        }
    }
}
