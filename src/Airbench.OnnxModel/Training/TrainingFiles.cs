namespace Airbench.OnnxModel.Training;

/// <summary><c>training/</c> of a bundle: what another program needs to go on training the model, without the product that made it.</summary>
/// <remarks>
/// <c>state.safetensors</c> holds every tensor of the network, unfolded; velocities start at zero. <c>model.json</c> names the network.
/// For each choice of what learns there is a <c>&lt;choice&gt;/train_step.onnx</c>.
/// </remarks>
public static class TrainingFiles
{
    /// <summary>Name of the model of one step.</summary>
    public const string TrainStepName = "train_step.onnx";

    /// <summary>Path of a <c>train_step.onnx</c> inside the bundle, with slashes.</summary>
    public static string TrainStepPath(TrainedPart part) => $"{OnnxBundle.TrainingFolder}/{TrainedParts.NameOf(part).Replace('+', '_')}/{TrainStepName}";

    /// <summary>Writes the folder; nothing where no part is asked for.</summary>
    /// <param name="bundle">The bundle being built.</param>
    /// <param name="model">The trained network.</param>
    /// <param name="parts">What may learn.</param>
    /// <exception cref="InvalidFileException">The weights do not fit the network.</exception>
    internal static IReadOnlyList<TrainingFile>? Write(string bundle, TrainedModel model, IReadOnlyList<TrainedPart> parts)
    {
        if (parts.Count == 0)
        {
            return null;
        }
        var (folder, weights, trained) = (Path.Combine(bundle, OnnxBundle.TrainingFolder), model.File(TrainedModel.WeightsName), model.Manifest);
        Directory.CreateDirectory(folder);
        File.Copy(weights, Path.Combine(folder, OnnxBundle.TrainingStateName));
        File.WriteAllText(Path.Combine(folder, TrainedModel.ManifestName), Json.Write(trained));
        return [.. parts.Select(part =>
        {
            var file = Path.Combine(bundle, TrainStepPath(part));
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            var spec = new TrainingSpec(trained.Network, part) { LabelSmoothing = trained.Recipe.LabelSmoothing };
            File.WriteAllBytes(file, TrainStep.Write(spec, weights));
            return new TrainingFile(TrainedParts.NameOf(part), TrainStepPath(part), new FileInfo(file).Length, Hash.OfFile(file));
        })];
    }
}
