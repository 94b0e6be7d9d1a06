using Airbench.Data;

namespace Airbench.Onnx;

/// <summary>What a fine-tuning starts from.</summary>
/// <param name="Bundle">The exported model.</param>
/// <param name="Parent">Its unfolded weights.</param>
/// <param name="Data">The new images, prepared.</param>
/// <param name="OldData">Images like those of the first training, prepared; null where there are none.</param>
public sealed record FinetuneInputs(OnnxBundle Bundle, ParentWeights Parent, Dataset Data, Dataset? OldData)
{
    /// <summary>Opens what the options name, or else what was given; folders and archives of images are prepared as the model takes them.</summary>
    /// <param name="options">Paths in them are relative to <paramref name="root"/>.</param>
    /// <param name="given">Artifacts of the stages before: a bundle and a data set where the options name none, perhaps a trained model.</param>
    /// <param name="root">Folder that holds data/ and models/.</param>
    /// <param name="seed">The pipeline's seed.</param>
    /// <param name="progress">Where to say what happens.</param>
    /// <param name="cancel">Ends the preparation within a batch.</param>
    /// <exception cref="InvalidFileException">A bundle, model or data set is missing or damaged.</exception>
    /// <exception cref="DataException">Images that cannot be prepared.</exception>
    public static FinetuneInputs Open(
        FinetuneOptions options, IReadOnlyList<Artifact> given, string root, int seed, IProgress progress, CancellationToken cancel)
    {
        var bundle = options.Model is { } model ? OnnxBundle.Open(Path.Combine(root, model)) : given.OfType<OnnxBundle>().Single();
        var trained = options.Weights is { } weights
            ? TrainedModel.Open(Path.Combine(root, weights))
            : given.OfType<TrainedModel>().SingleOrDefault();
        var parent = ParentWeights.Find(bundle, trained, Path.Combine(root, "models"));
        return new FinetuneInputs(
            bundle, parent,
            options.Data is { } data ? Prepared(data) : given.OfType<Dataset>().Single(),
            options.OldData is { } old ? Prepared(old) : null);

        // A prepared set as it is; anything else becomes one under data/, named after its folder, the size and the fit.
        Dataset Prepared(string path)
        {
            var full = Path.Combine(root, path);
            if (File.Exists(Path.Combine(full, Dataset.ManifestName)))
            {
                return Dataset.Open(full);
            }
            var (size, fit) = (parent.Manifest.Network.ImageSize, parent.Manifest.Network.Fit);
            var source = Directory.Exists(full) ? DataSource.Folder : DataSource.Archive;
            var prepare = new PrepareOptions { Source = source, Path = full, ImageSize = size, Fit = fit };
            var name = $"{Preparer.DatasetName(prepare)}-{size}" + (fit == Fit.Crop ? "" : $"-{fit.ToString().ToLowerInvariant()}");
            var sets = Path.Combine(root, "data");
            return Preparer.Prepare(prepare, Path.Combine(sets, name), sets, seed, progress, cancel);
        }
    }

    /// <summary>How the result is exported: as the adapted bundle was, but for what the options say.</summary>
    /// <exception cref="InvalidFileException">The bundle was exported with something that this version does not write.</exception>
    public ExportOptions ExportLike(FinetuneOptions options)
    {
        var export = ExportOptions.Of(Bundle.Manifest) with { MaxDrop = options.MaxDrop };
        export = export with { Variants = options.Variants ?? export.Variants };
        return ExportOptions.Check(export).FirstOrDefault() is not { } problem
            ? export
            : throw new InvalidFileException(
                Bundle.File(OnnxBundle.ManifestName), $"has {problem}; the result is exported as it was: name other variants, or export it again");
    }
}
