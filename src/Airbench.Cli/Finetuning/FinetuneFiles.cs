using Airbench.Inference.Finetuning;
using Airbench.OnnxModel;
using Airbench.OnnxModel.Training;
using Airbench.Pipeline;

namespace Airbench.Cli.Finetuning;

/// <summary>Files behind the finetune stage: the bundle and its weights, the images, and the models that an engine runs.</summary>
internal static class FinetuneFiles
{
    /// <summary>Name of the result where the options give none: never that of the bundle that is adapted.</summary>
    public static string NameOf(StageContext context, FinetuneOptions options) => options.Name ??
        $"{(options.Model is { } model ? Path.GetFileName(Path.TrimEndingDirectorySeparator(model)) : context.DefaultName)}-finetuned";

    /// <summary>Opens what the options and the stages before name; folders and archives of images are prepared at the model's size.</summary>
    public static FinetuneInputs Open(StageContext context, FinetuneOptions options)
    {
        var bundle = options.Model is { } model ? OnnxBundle.Open(Path.Combine(context.Root, model)) : context.Input<OnnxBundle>();
        var trained = options.Weights is { } weights
            ? TrainedModel.Open(Path.Combine(context.Root, weights))
            : context.Inputs.OfType<TrainedModel>().SingleOrDefault();
        var parent = ParentWeights.Find(bundle, trained, Path.Combine(context.Root, "models"));
        var size = parent.Manifest.Network.ImageSize;
        return new FinetuneInputs(
            bundle, parent, options.Data is { } data ? Prepared(context, data, size) : context.Input<Dataset>(),
            options.OldData is { } old ? Prepared(context, old, size) : null);
    }

    /// <summary>How the result is exported: as the adapted bundle was, but for what the options say.</summary>
    /// <exception cref="InvalidFileException">The bundle was exported with something that this version does not write.</exception>
    public static ExportOptions ExportLike(OnnxBundle bundle, FinetuneOptions options)
    {
        var export = ExportOptions.Of(bundle.Manifest) with { MaxDrop = options.MaxDrop };
        export = export with { Variants = options.Variants ?? export.Variants };
        return ExportOptions.Check(export).FirstOrDefault() is not { } problem
            ? export
            : throw new InvalidFileException(bundle.File(OnnxBundle.ManifestName), $"has {problem}; the result is exported as it was: name other variants, or export it again");
    }

    /// <summary>The engine that the options name.</summary>
    public static IFinetuneEngine OpenEngine(FinetuneRequest request, FinetuneOptions options)
    {
        var spec = new TrainingSpec(request.Network, request.Part)
        {
            LabelSmoothing = request.LabelSmoothing,
            FrozenStatistics = request.FrozenStatistics,
        };
        if (options.Engine == FinetuneEngineKind.OrtTraining)
        {
            return OnDeviceProgram.Open(request, spec, options.Momentum, options.WeightDecay, OnDeviceProgram.DefaultFolder);
        }
        var (step, evaluation) = (Path.Combine(request.Folder, TrainingFiles.TrainStepName), Path.Combine(request.Folder, "evaluate.onnx"));
        File.WriteAllBytes(step, TrainStep.Write(spec, request.WeightsFile));
        File.WriteAllBytes(evaluation, TrainStep.WriteEvaluation(spec, request.WeightsFile));
        return OnnxFinetuneEngine.Open(request, step, evaluation, TrainStep.State(spec));
    }

    /// <summary>A prepared set as it is; anything else becomes one under data/, named after its folder and the size.</summary>
    private static Dataset Prepared(StageContext context, string path, int imageSize)
    {
        var full = Path.Combine(context.Root, path);
        if (File.Exists(Path.Combine(full, Dataset.ManifestName)))
        {
            return Dataset.Open(full);
        }
        var options = new PrepareOptions { Source = Directory.Exists(full) ? DataSource.Folder : DataSource.Archive, Path = full, ImageSize = imageSize };
        var (data, name) = (Path.Combine(context.Root, "data"), $"{Preparer.DatasetName(options)}-{imageSize}");
        return Preparer.Prepare(options, Path.Combine(data, name), data, context.Seed, context.Progress, context.Cancel);
    }
}
