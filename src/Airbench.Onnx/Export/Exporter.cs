namespace Airbench.Onnx;

/// <summary>The export stage: a trained network becomes a deployable bundle, or nothing.</summary>
public static class Exporter
{
    /// <summary>The model file of the full-precision variant.</summary>
    public const string ModelName = "model.onnx";

    /// <summary>Class names, one a line, in label order.</summary>
    public const string LabelsName = "labels.txt";

    /// <summary>
    /// Writes <c>model.onnx</c> and everything around it (see exports/README.md) to <paramref name="folder"/>, whole or not at all.
    /// </summary>
    /// <param name="model">The trained network.</param>
    /// <param name="options">What to write.</param>
    /// <param name="folder">The bundle's place; an earlier bundle there is replaced only by a whole new one.</param>
    /// <param name="dataset">What the network was trained on: calibrates and judges variants; may be absent where there are none but fp32.</param>
    /// <param name="device">auto, cpu, cuda or cuda:N: where variants are scored.</param>
    /// <param name="seed">Seed of the choice of calibration images.</param>
    /// <param name="progress">Where to say what happens.</param>
    /// <param name="cancel">Ends the work early.</param>
    /// <exception cref="InvalidFileException">The trained network's files are damaged or do not fit together.</exception>
    /// <exception cref="GateException">The model does not compute what the network computed, or a variant loses too much accuracy.</exception>
    public static OnnxBundle Export(
        TrainedModel model, ExportOptions options, string folder, Dataset? dataset, string device, int seed, IProgress progress, CancellationToken cancel)
    {
        if (dataset is not null)
        {
            VariantRuntime.RequireDatasetOf(model, dataset);
        }
        using var runtime = ExportOptions.NeedDataset(options)
            ? VariantRuntime.Open(dataset!, model, options.Calibration, device, seed, progress, cancel)
            : null;
        return Export(model, options, folder, file => ParityGate.Check(file, model.File(TrainedModel.ReferenceName)), progress, cancel, runtime);
    }

    /// <summary>The same with a gate and a runtime of the caller's: tests put others in their places.</summary>
    internal static OnnxBundle Export(
        TrainedModel model, ExportOptions options, string folder, Func<string, ParityResult> parityGate,
        IProgress progress, CancellationToken cancel, IVariantRuntime? runtime = null)
    {
        if (ExportOptions.Check(options).FirstOrDefault() is { } problem)
        {
            throw new ConfigurationException(problem);
        }
        var trained = model.Manifest;
        CheckClasses(model);
        var weightsFile = model.File(TrainedModel.WeightsName);
        CheckHash(weightsFile, trained.WeightsSha256);

        using var build = AtomicFolder.Create(folder);
        var modelFile = build.File(ModelName);
        var input = new InputOptions(options.Input, options.AcceptAnySize);
        var backboneFile = trained.Backbone is null ? null : model.File(TrainedModel.BackboneName);
        if (trained.Backbone is { } backbone)
        {
            CheckHash(backboneFile!, backbone.Sha256);
            CheckTransfer(backbone, options);
        }
        var fp32 = NetworkExporter.Build(trained, weightsFile, options.Opset, input, backboneFile);
        NetworkExporter.Save(fp32, modelFile);
        cancel.ThrowIfCancellationRequested();

        var parity = parityGate(modelFile);
        progress.Info(FormattableString.Invariant(
            $"parity: logits within {parity.MaxAbsDifference:0.0e+0}, same top-1 on {parity.SameTop1} of {parity.Images} images"));
        cancel.ThrowIfCancellationRequested();
        var variants = VariantWriter.Write(new OnnxGraph(fp32), options, build.Path, runtime, progress, cancel);
        var training = TrainingFiles.Write(build.Path, model, [.. options.Training.Select(name => TrainedParts.Find(name)!.Value)], options.OnDevice);
        CheckHash(weightsFile, trained.WeightsSha256);   // what was built is what the manifest will name

        var manifest = new BundleManifest
        {
            Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))),
            Variants = variants,
            Classes = trained.Classes,
            ImageSize = trained.Network.ImageSize,
            Fit = trained.Network.Fit,
            Preprocessing = NetworkExporter.Preprocessing(trained.Network, input),
            Input = options.Input,
            AcceptsAnySize = options.AcceptAnySize,
            Recipe = trained.RecipeName,
            Seed = trained.Seed,
            DatasetName = trained.DatasetName,
            DatasetSha256 = trained.DatasetSha256,
            Synthetic = trained.Synthetic,
            WeightsSha256 = trained.WeightsSha256,
            Fp32 = trained.Fp32,
            Parity = parity,
            Opset = trained.Backbone?.Opset ?? options.Opset,
            ProductVersion = Product.Version,
            Backbone = trained.Backbone,
            Transfer = trained.Transfer,
            Finetuned = trained.Finetuned,
            Training = training,
        };
        var complete = BundleWriter.Write(build.Path, model, manifest);
        return new OnnxBundle(build.Commit(), complete);
    }

    private static void CheckClasses(TrainedModel model)
    {
        var classes = model.Manifest.Classes;
        if (classes.Count != model.Manifest.Network.ClassCount)
        {
            throw new InvalidFileException(model.File(TrainedModel.ManifestName),
                $"names {classes.Count} classes for a network of {model.Manifest.Network.ClassCount}");
        }
        if (classes.FirstOrDefault(c => c.AsSpan().ContainsAny('\r', '\n')) is { } name)
        {
            throw new InvalidFileException(
                model.File(TrainedModel.ManifestName), $"class name '{name}' has a line break; {LabelsName} holds one class a line");
        }
    }

    /// <summary>What a model with a backbone has no files for.</summary>
    private static void CheckTransfer(Backbone backbone, ExportOptions options)
    {
        if (options.OnDevice)
        {
            throw new ConfigurationException($"on_device: true, of a model on the backbone {backbone.Name}; expected false: these artifacts are written of our own networks");
        }
    }

    private static void CheckHash(string file, string expected)
    {
        if (!File.Exists(file))
        {
            throw new InvalidFileException(file, "does not exist");
        }
        var found = Hash.OfFile(file);
        if (found != expected)
        {
            throw new InvalidFileException(
                file, $"has sha256 {found}; {TrainedModel.ManifestName} says {expected}: changed since training, so train again");
        }
    }
}
