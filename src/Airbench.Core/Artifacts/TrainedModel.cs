using System.ComponentModel.DataAnnotations;

namespace Airbench;

/// <summary>A trained network: <c>weights.safetensors</c>, <c>model.json</c>, <c>reference.safetensors</c>, <c>curve.csv</c>, <c>runs.csv</c>.</summary>
public sealed record TrainedModel(string Folder, ModelManifest Manifest) : Artifact(Folder)
{
    /// <summary>Name of the manifest inside the folder.</summary>
    public const string ManifestName = "model.json";

    /// <summary>Weights by the names of <see cref="NetworkSpec.Parameters"/>, all float32.</summary>
    public const string WeightsName = "weights.safetensors";

    /// <summary>Up to 256 test images: <c>images</c> uint8 [n,3,S,S], <c>labels</c> int64 [n], <c>logits</c> float32 [n,K] of an fp32 forward pass.</summary>
    public const string ReferenceName = "reference.safetensors";

    /// <summary>A row an epoch of each run: epoch, step, learning rate, loss and accuracies, seconds.</summary>
    public const string CurveName = "curve.csv";

    /// <summary>
    /// A picture of what augmentation does: a row for each of some training images, first as it is, then as the first epochs draw it.
    /// Networks that were trained without augmentation, or by an earlier version, or fine-tuned, have none.
    /// </summary>
    public const string AugmentationName = "augmentation.png";

    /// <summary>
    /// Answers behind <see cref="ModelManifest.Fp32"/>: a row for each true class, a column for each predicted one, with names before
    /// both. Models of earlier versions have none.
    /// </summary>
    public const string ConfusionName = "confusion.csv";

    /// <summary>The network below the head of a model that started from another: input <c>pixels</c>, output <c>features</c>.</summary>
    public const string BackboneName = "backbone.onnx";

    /// <summary>Behind the folder's name: the folder that a training under way, or a stopped one, keeps its checkpoint in.</summary>
    public const string CheckpointEnding = ".checkpoint";

    /// <summary>Opens the trained model in <paramref name="folder"/>: reads its manifest only.</summary>
    /// <exception cref="InvalidFileException">There is no trained model, or its manifest is damaged.</exception>
    public static TrainedModel Open(string folder) => new(folder, Json.Read<ModelManifest>(Path.Combine(folder, ManifestName)));
}

/// <summary><c>model.json</c>.</summary>
public sealed record ModelManifest : IChecked
{
    /// <summary>Name of the model: the folder's name under <c>models/</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The network that the weights belong to.</summary>
    public required NetworkSpec Network { get; init; }

    /// <summary>Every hyperparameter of a training from scratch, after overrides; null where there was a <see cref="Backbone"/>.</summary>
    public Recipe? Recipe { get; init; }

    /// <summary>How a network that existed learned these classes; null where it was trained from scratch.</summary>
    public Transfer? Transfer { get; init; }

    /// <summary>The network that it started from; null where it was trained from scratch.</summary>
    public Backbone? Backbone { get; init; }

    /// <summary>Name of the recipe.</summary>
    public string RecipeName => Recipe?.Name ?? Transfer.Name;

    /// <summary>Class names in label order.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>Seed of the exported network: the first run, never the best.</summary>
    public required int Seed { get; init; }

    /// <summary>Device, for example "cpu" or "cuda:0 NVIDIA H200".</summary>
    public required string Device { get; init; }

    /// <summary>Compute precision: bf16, bf16_weights, fp16, fp16_weights or fp32.</summary>
    public required string Precision { get; init; }

    /// <summary>What decided it, where <c>precision: auto</c> had it measured; null where it was given, or there was nothing to measure.</summary>
    public ArithmeticRates? Rates { get; init; }

    /// <summary>Threads of the native runtime.</summary>
    [Range(0, int.MaxValue)]
    public required int Threads { get; init; }

    /// <summary>Name of the data set.</summary>
    public required string DatasetName { get; init; }

    /// <summary><see cref="DatasetManifest.Sha256"/> of the data set.</summary>
    public required string DatasetSha256 { get; init; }

    /// <summary>Whether the network learned drawn images.</summary>
    public required bool Synthetic { get; init; }

    /// <summary>SHA-256 of <c>weights.safetensors</c>, lower-case hexadecimal.</summary>
    public required string WeightsSha256 { get; init; }

    /// <summary>One entry a run, in seed order.</summary>
    public required IReadOnlyList<RunResult> Runs { get; init; }

    /// <summary>Test accuracy with test-time augmentation over all runs.</summary>
    public required Summary AccuracyTta { get; init; }

    /// <summary>Correct answers of the exported run on the whole test split, computed by TorchSharp in fp32: what ONNX Runtime has to reproduce.</summary>
    public required Fp32Score Fp32 { get; init; }

    /// <summary>Versions of the packages that made it, by package name.</summary>
    public required IReadOnlyDictionary<string, string> Versions { get; init; }

    /// <summary>How it was made from another network; null where it was trained from scratch.</summary>
    public FinetuneRecord? Finetuned { get; init; }

    /// <inheritdoc/>
    IEnumerable<string> IChecked.Problems()
    {
        if (Classes.Count != Network.ClassCount)
        {
            yield return FormattableString.Invariant($"classes: {Classes.Count} names; expected {Network.ClassCount}, as the network has");
        }
        var isTransfer = Network.Architecture == Architecture.Backbone;
        if (isTransfer ? Transfer is null || Backbone is null || Recipe is not null : Transfer is not null || Backbone is not null || Recipe is null)
        {
            yield return isTransfer
                ? "transfer, backbone: expected both, and no recipe, for a network with a backbone"
                : "recipe: expected one, and neither transfer nor backbone, for a network of its own";
        }
    }
}

/// <summary>Correct answers on the test split in fp32.</summary>
/// <remarks>
/// The yardstick of the evaluate stage, so its views must be those that an evaluation can repeat exactly. Adaptive augmentation is not
/// among them: in training it takes the least confident quarter of the test split, in deployment the images under a threshold.
/// For recipes with <see cref="Airbench.Tta.Adaptive"/> the score is therefore counted with <see cref="Airbench.Tta.MirrorTranslate"/>.
/// </remarks>
/// <param name="Count">Test images.</param>
/// <param name="CorrectPlain">Correct answers from the untouched image.</param>
/// <param name="CorrectTta">Correct answers with <paramref name="Tta"/>.</param>
/// <param name="Tta">The test-time augmentation used; never <see cref="Airbench.Tta.Adaptive"/>.</param>
public sealed record Fp32Score([property: Range(0, int.MaxValue)] int Count, [property: Range(0, int.MaxValue)] int CorrectPlain, [property: Range(0, int.MaxValue)] int CorrectTta, Tta Tta) : IChecked
{
    /// <inheritdoc/>
    IEnumerable<string> IChecked.Problems() => Math.Max(CorrectPlain, CorrectTta) > Count
        ? [FormattableString.Invariant($"count: {Count}; expected no less than the correct answers")]
        : [];
}

/// <summary>One training run.</summary>
/// <param name="Seed">Its seed.</param>
/// <param name="AccuracyPlain">Test accuracy (0 to 1) of the untouched images, in the training's precision.</param>
/// <param name="AccuracyTta">Test accuracy (0 to 1) with the recipe's test-time augmentation.</param>
/// <param name="TrainSeconds">Seconds by the <c>airbench</c> protocol: whitening, training, final TTA evaluation.</param>
/// <param name="Steps">Optimizer steps.</param>
public sealed record RunResult(int Seed, [property: Range(0.0, 1.0)] double AccuracyPlain, [property: Range(0.0, 1.0)] double AccuracyTta, [property: Range(0, double.MaxValue)] double TrainSeconds, [property: Range(0, int.MaxValue)] int Steps);
