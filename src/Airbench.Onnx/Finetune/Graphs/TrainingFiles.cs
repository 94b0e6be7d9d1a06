namespace Airbench.Onnx;

/// <summary><c>training/</c> of a bundle: what another program needs to go on training the model, without the product that made it.</summary>
/// <remarks>
/// <c>state.safetensors</c> holds every tensor of the network, unfolded; velocities start at zero. <c>model.json</c> names the network.
/// For each choice of what learns there is a <c>&lt;choice&gt;/train_step.onnx</c>, and on demand <c>&lt;choice&gt;/ort/</c> for a TrainingSession.
/// </remarks>
public static class TrainingFiles
{
    /// <summary>Name of the model of one step.</summary>
    public const string TrainStepName = "train_step.onnx";

    /// <summary>The update rule of on-device-training artifacts: that of the finetune stage, but for Nesterov.</summary>
    private static readonly OnDeviceOptions OnDeviceUpdate = new(LearningRate: 0.05, Momentum: 0.9, WeightDecay: 5e-4);

    /// <summary>Of the loss of a model with a backbone.</summary>
    private const double BackboneLabelSmoothing = 0.1;

    /// <summary>Path of a <c>train_step.onnx</c> inside the bundle, with slashes.</summary>
    public static string TrainStepPath(TrainedPart part) => $"{Folder(part)}/{TrainStepName}";

    private static string Folder(TrainedPart part) => $"{OnnxBundle.TrainingFolder}/{TrainedParts.NameOf(part).Replace('+', '_')}";

    /// <summary>Writes the folder; nothing where no part is asked for.</summary>
    /// <param name="bundle">The bundle being built.</param>
    /// <param name="model">The trained network.</param>
    /// <param name="parts">What may learn.</param>
    /// <param name="onDevice">Whether to write on-device-training artifacts too.</param>
    /// <exception cref="InvalidFileException">The weights do not fit the network.</exception>
    internal static IReadOnlyList<TrainingFile>? Write(string bundle, TrainedModel model, IReadOnlyList<TrainedPart> parts, bool onDevice)
    {
        if (parts.Count == 0)
        {
            return null;
        }
        var (folder, weights, trained) = (Path.Combine(bundle, OnnxBundle.TrainingFolder), model.File(TrainedModel.WeightsName), model.Manifest);
        Directory.CreateDirectory(folder);
        File.Copy(weights, Path.Combine(folder, OnnxBundle.TrainingStateName));
        File.WriteAllText(Path.Combine(folder, TrainedModel.ManifestName), Json.Write(trained));
        var backbone = trained.Backbone is { } facts ? new BackboneFile(Path.Combine(folder, TrainedModel.BackboneName), facts.LastBlock) : null;
        if (backbone is not null)
        {
            File.Copy(model.File(TrainedModel.BackboneName), backbone.Path);
        }
        return [.. parts.SelectMany(part =>
        {
            if (backbone is not null)
            {
                return [WriteStep(bundle, backbone, part)];
            }
            var spec = new TrainingSpec(trained.Network, part) { LabelSmoothing = trained.Recipe!.LabelSmoothing };
            var ort = $"{Folder(part)}/{OnDeviceArtifacts.FolderName}";
            Directory.CreateDirectory(Path.Combine(bundle, onDevice ? ort : Folder(part)));
            File.WriteAllBytes(Path.Combine(bundle, TrainStepPath(part)), TrainStep.Write(spec, weights));
            string[] files = [TrainStepPath(part)];
            if (onDevice)
            {
                OnDeviceArtifacts.Write(Path.Combine(bundle, ort), spec, OnDeviceUpdate, weights);
                files = [.. files, .. OnDeviceArtifacts.FileNames.Select(name => $"{ort}/{name}")];
            }
            return files.Select(file => Describe(bundle, part, file));
        })];
    }

    private static TrainingFile WriteStep(string bundle, BackboneFile backbone, TrainedPart part)
    {
        Directory.CreateDirectory(Path.Combine(bundle, Folder(part)));
        var step = BackboneStep.Of(backbone, part, BackboneLabelSmoothing, keepsStatistics: true);
        NetworkExporter.Save(step.Build(), Path.Combine(bundle, TrainStepPath(part)));
        return Describe(bundle, part, TrainStepPath(part));
    }

    private static TrainingFile Describe(string bundle, TrainedPart part, string file)
    {
        var full = Path.Combine(bundle, file);
        return new TrainingFile(TrainedParts.NameOf(part), file, new FileInfo(full).Length, Hash.OfFile(full));
    }
}
