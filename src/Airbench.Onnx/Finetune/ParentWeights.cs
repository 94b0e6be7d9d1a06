namespace Airbench.Onnx;

/// <summary>The unfolded weights behind a bundle: a model file alone has batch norm folded into its convolutions, which cannot be undone.</summary>
/// <param name="Manifest">Of the training.</param>
/// <param name="File">Tensors by the names of <see cref="NetworkSpec.Parameters"/>.</param>
public sealed record ParentWeights(ModelManifest Manifest, string File)
{
    /// <summary>The backbone below the head, beside the weights; null for a network of ours.</summary>
    public BackboneFile? Backbone => Manifest.Backbone is { } backbone
        ? new BackboneFile(Path.Combine(Path.GetDirectoryName(File)!, TrainedModel.BackboneName), backbone.LastBlock) : null;

    /// <summary>Looks in <paramref name="trained"/>, then in the bundle, then in <paramref name="models"/>/&lt;name of the bundle&gt;.</summary>
    /// <param name="bundle">What is to be adapted.</param>
    /// <param name="trained">The trained model that was named; null where none was.</param>
    /// <param name="models">The folder models/.</param>
    /// <exception cref="InvalidFileException">What was found is not what the bundle was exported from.</exception>
    /// <exception cref="DataException">Nothing was found.</exception>
    public static ParentWeights Find(OnnxBundle bundle, TrainedModel? trained, string models)
    {
        if (trained is not null)
        {
            return Checked(bundle, new ParentWeights(trained.Manifest, trained.File(TrainedModel.WeightsName)));
        }
        if (Directory.Exists(bundle.File(OnnxBundle.TrainingFolder)))
        {
            var folder = bundle.File(OnnxBundle.TrainingFolder);
            return Checked(bundle, new ParentWeights(
                Json.Read<ModelManifest>(Path.Combine(folder, TrainedModel.ManifestName)), Path.Combine(folder, OnnxBundle.TrainingStateName)));
        }
        var beside = Path.Combine(models, bundle.Manifest.Name);
        if (System.IO.File.Exists(Path.Combine(beside, TrainedModel.ManifestName)))
        {
            var model = TrainedModel.Open(beside);
            if (model.Manifest.WeightsSha256 == bundle.Manifest.WeightsSha256)
            {
                return Checked(bundle, new ParentWeights(model.Manifest, model.File(TrainedModel.WeightsName)));
            }
            beside += " (other weights)";
        }
        throw new DataException(
            $"{bundle.Folder} has no {OnnxBundle.TrainingFolder}/ folder and its weights (sha256 {bundle.Manifest.WeightsSha256}) are not in {beside}; " +
            "an exported model alone cannot be trained further, as its batch norms are folded into its convolutions. " +
            "Export it again with training: [head+bn], or name the trained model: weights: models/...");
    }

    private static ParentWeights Checked(OnnxBundle bundle, ParentWeights found)
    {
        if (!System.IO.File.Exists(found.File))
        {
            throw new InvalidFileException(found.File, "does not exist");
        }
        if (found.Backbone is { Path: var backbone } && Hash.OfFile(backbone) is var sha256 && sha256 != found.Manifest.Backbone!.Sha256)
        {
            throw new InvalidFileException(backbone, $"has sha256 {sha256}; {TrainedModel.ManifestName} beside it says {found.Manifest.Backbone.Sha256}: train again");
        }
        var hash = Hash.OfFile(found.File);
        return hash == bundle.Manifest.WeightsSha256
            ? found
            : throw new InvalidFileException(
                found.File, $"has sha256 {hash}; {bundle.Folder} was exported from {bundle.Manifest.WeightsSha256}: name the trained model that it was exported from");
    }
}
