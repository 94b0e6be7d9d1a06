using System.Diagnostics;

namespace Airbench.Onnx;

/// <summary>The train stage with a backbone: a data set and a network that exists become a trained model.</summary>
public static class TransferTrainer
{
    /// <summary>Trains, and writes <paramref name="folder"/>, whole or not at all.</summary>
    /// <param name="dataset">What to learn.</param>
    /// <param name="options">From what, and how.</param>
    /// <param name="folder">models/&lt;name&gt;.</param>
    /// <param name="device">auto, cpu, cuda or cuda:N.</param>
    /// <param name="seed">Of all that is left to chance.</param>
    /// <param name="progress">Where to say what happens.</param>
    /// <param name="cancel">Answered within a batch.</param>
    /// <exception cref="ConfigurationException">The backbone and the data set do not fit together.</exception>
    /// <exception cref="InvalidFileException">The backbone is no network that can be used so.</exception>
    /// <exception cref="DataException">Images that cannot be learned from.</exception>
    public static TrainedModel Train(
        Dataset dataset, TransferOptions options, string folder, string device, int seed, IProgress progress, CancellationToken cancel)
    {
        var data = dataset.Manifest;
        if (data.TrainCount < 2 || data.TestCount < 1)
        {
            throw new DataException($"{dataset.Folder} has {data.TrainCount} training and {data.TestCount} test images; expected at least 2 and 1");
        }
        device = ExecutionDevice.Resolve(device, OnnxRuntime.Start().GetAvailableProviders()).Name;
        var source = Backbones.Find(options.Backbone, options.Input);
        var imported = Import(source, options.Input, data.ImageSize, cancel);
        progress.Info($"{source.Name}: {imported.FeatureCount:N0} features of {data.ImageSize}x{data.ImageSize} pixels; {source.Origin}");
        if (!Backbones.Names.Contains(options.Backbone))
        {
            imported.Notes.ToList().ForEach(progress.Info);   // what was done to a file of the user's own
        }

        using var build = AtomicFolder.Create(folder);
        NetworkExporter.Save(imported.Graph.Model, build.File(TrainedModel.BackboneName));
        using var images = TransferImages.Open(dataset);
        var clock = Stopwatch.StartNew();
        using var method = Open(imported, images, options, Hash.OfFile(build.File(TrainedModel.BackboneName)), device, seed, progress, cancel);
        var learned = method.Learn(images.TrainIndices, seed, progress, cancel);
        var seconds = clock.Elapsed.TotalSeconds;
        progress.Info(FormattableString.Invariant($"head fitted to {images.TrainCount:N0} images with a penalty of {learned.L2}; features and training took {seconds:0.0} s"));
        var divisions = options.Folds > 0 ? Validate(method, images, options, seed, progress, cancel) : null;
        var model = TransferredModelWriter.Write(
            build, dataset, options, source, imported, images, learned, divisions, device, seed, seconds, cancel);
        return new TrainedModel(build.Commit(), model);
    }

    /// <summary>The backbone, for images of this size.</summary>
    internal static ImportedModel Import(BackboneSource source, BackboneInput input, int imageSize, CancellationToken cancel) => UnitFeatures.Of(
        ModelImporter.Import(source.File, input.ToImport() with { ImageSize = imageSize, Preprocess = source.Preprocess }, cancel));

    private static ITransferMethod Open(
        ImportedModel backbone, TransferImages images, TransferOptions options, string sha256, string device, int seed, IProgress progress,
        CancellationToken cancel) => options.Train == TransferPart.Head
            ? HeadMethod.Open(backbone, images, options, sha256, device, seed, progress, cancel)
            : GradientMethod.Open(backbone, images, options, sha256, device, seed, progress, cancel);

    private static IReadOnlyList<OutOfFold> Validate(
        ITransferMethod method, TransferImages images, TransferOptions options, int seed, IProgress progress, CancellationToken cancel)
    {
        var folds = Math.Min(options.Folds, images.Count);
        var divisions = CrossValidator.Run(
            images.Labels, folds, options.Repeats, seed,
            (learned, asked, stop) => method.Learn(learned, seed, IProgress.Silent, stop).Answer(asked, mirror: false, stop),
            progress, cancel);
        var summary = CrossValidator.Summarize(divisions);
        progress.Info(FormattableString.Invariant(
            $"cross-validation: {summary.Accuracy.Correct:N0} of {summary.Count:N0} images right by a model that had not learned them, {summary.Accuracy.Accuracy:0.0%} ") +
            FormattableString.Invariant($"(95% interval {summary.Accuracy.Low95:0.0%} to {summary.Accuracy.High95:0.0%}), mean recall {summary.BalancedAccuracy:0.0%}") +
            (summary.Repeats > 1 ? FormattableString.Invariant($"; mean of {summary.Repeats} divisions {summary.MeanAccuracy:0.00%}") : ""));
        return divisions;
    }
}
