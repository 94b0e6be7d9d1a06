using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace Airbench;

/// <summary>The deployable bundle: models, <c>labels.txt</c>, <c>metadata.json</c> and all that other stacks need around them.</summary>
public sealed record OnnxBundle(string Folder, BundleManifest Manifest) : Artifact(Folder)
{
    /// <summary>Name of the manifest inside the folder.</summary>
    public const string ManifestName = "metadata.json";

    /// <summary>Folder of what another program needs to train the model further, where the export wrote it.</summary>
    public const string TrainingFolder = "training";

    /// <summary>Inside of <see cref="TrainingFolder"/>: every tensor of the network, unfolded; byte by byte the <c>weights.safetensors</c> it came from.</summary>
    public const string TrainingStateName = "state.safetensors";

    /// <summary>Opens the bundle in <paramref name="folder"/>: reads its manifest only.</summary>
    /// <exception cref="InvalidFileException">There is no bundle, or its manifest is damaged.</exception>
    public static OnnxBundle Open(string folder) => new(folder, Json.Read<BundleManifest>(Path.Combine(folder, ManifestName)));
}

/// <summary><c>metadata.json</c> of a bundle.</summary>
public sealed record BundleManifest : IChecked
{
    /// <summary>Name of the bundle: the folder's name under <c>exports/</c>.</summary>
    public required string Name { get; init; }

    /// <summary>File of each variant, for example fp32 -> model.onnx.</summary>
    public required IReadOnlyDictionary<string, VariantFile> Variants { get; init; }

    /// <summary>Class names in label order.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>Height and width that the model takes, in pixels.</summary>
    [Range(NetworkSpec.MinImageSize, NetworkSpec.MaxImageSize)]
    public required int ImageSize { get; init; }

    /// <summary>How images that are not square become so, before the model or inside.</summary>
    public Fit Fit { get; init; }

    /// <summary>Type and layout of the pixels that every model of the bundle takes.</summary>
    public InputFormat Input { get; init; }

    /// <summary>Whether the models resize images themselves: height and width are open.</summary>
    public bool AcceptsAnySize { get; init; }

    /// <summary>Preprocessing in words: what a caller must do, and must not do, before the model.</summary>
    public required string Preprocessing { get; init; }

    /// <summary>Recipe name.</summary>
    public required string Recipe { get; init; }

    /// <summary>Seed of the training.</summary>
    public required int Seed { get; init; }

    /// <summary>Data set name.</summary>
    public required string DatasetName { get; init; }

    /// <summary><see cref="DatasetManifest.Sha256"/> of the training data.</summary>
    public required string DatasetSha256 { get; init; }

    /// <summary>Whether the network learned drawn images.</summary>
    public required bool Synthetic { get; init; }

    /// <summary>SHA-256 of the weights that the model was built from.</summary>
    public required string WeightsSha256 { get; init; }

    /// <summary>What TorchSharp scored in fp32 with the same weights.</summary>
    public required Fp32Score Fp32 { get; init; }

    /// <summary>Result of the parity gate against the trained network's own logits.</summary>
    public required ParityResult Parity { get; init; }

    /// <summary>ONNX operator-set version of the model.</summary>
    [Range(1, 1000)]
    public required int Opset { get; init; }

    /// <summary>Product version that wrote it.</summary>
    public required string ProductVersion { get; init; }

    /// <summary>Inputs and outputs of <c>model.onnx</c>.</summary>
    public ModelSignature? Signature { get; init; }

    /// <summary>Preprocessing in numbers.</summary>
    public PreprocessingSteps? PreprocessingSteps { get; init; }

    /// <summary>Accuracy on the test split; null where it was never counted.</summary>
    public BundleAccuracy? Accuracy { get; init; }

    /// <summary>What made the bundle.</summary>
    public Provenance? Provenance { get; init; }

    /// <summary>The network that it started from; null where it was trained from scratch.</summary>
    public Backbone? Backbone { get; init; }

    /// <summary>How a network that existed learned these classes; null where it was trained from scratch.</summary>
    public Transfer? Transfer { get; init; }

    /// <summary>How it was made from another bundle; null where it was trained from scratch.</summary>
    public FinetuneRecord? Finetuned { get; init; }

    /// <summary>Models of one training step under <c>training/</c>; null where the export had none to write.</summary>
    public IReadOnlyList<TrainingFile>? Training { get; init; }

    /// <inheritdoc/>
    IEnumerable<string> IChecked.Problems()
    {
        if (!IsFileName(Name))
        {
            yield return $"name: {Quote.Show(Name)}; expected the name of a folder";
        }
        foreach (var (name, variant) in Variants.Where(variant => !IsFileName(variant.Value.File)))
        {
            yield return $"variants.{name}.file: {Quote.Show(variant.File)}; expected the name of a file in the bundle";
        }
        foreach (var file in (Training ?? []).Where(file => !file.File.Split('/').All(IsFileName)))
        {
            yield return $"training: {Quote.Show(file.File)}; expected the path of a file in the bundle";
        }
        if (Classes.Count == 0)
        {
            yield return "classes: empty; expected the name of each class";
        }
        if (Classes.FirstOrDefault(c => c.AsSpan().ContainsAny('\r', '\n')) is { } broken)
        {
            yield return $"classes: {Quote.Show(broken)} has a line break; expected names of one line";
        }
        if (Signature is { } signature && !(signature.Inputs is [{ Type: "uint8" or "float", Shape.Count: 4 }]
            && signature.Outputs.Count > 0 && signature.Outputs.All(output => output is { Type: "float", Shape.Count: 2 })))
        {
            yield return "signature: not that of an image classifier; expected one input of uint8 or float in four dimensions, and outputs of float in two";
        }
        if (Accuracy is { } accuracy && Math.Max(accuracy.Plain.Correct, accuracy.WithTta.Correct) > accuracy.Count)
        {
            yield return FormattableString.Invariant($"accuracy: more correct answers than the {accuracy.Count} images");
        }
    }

    /// <summary>Nothing outside of a bundle is opened, whatever its manifest names.</summary>
    private static bool IsFileName(string name) => name.Length > 0 && name is not ("." or "..") && name.AsSpan().IndexOfAny('/', '\\', ':') < 0;
}

/// <summary>A model of one training step.</summary>
/// <param name="Train">What learns: head, head+bn, last_group or all.</param>
/// <param name="File">Path inside the bundle.</param>
/// <param name="Bytes">Size.</param>
/// <param name="Sha256">SHA-256, lower-case hexadecimal.</param>
public sealed record TrainingFile(string Train, string File, [property: Range(0, long.MaxValue)] long Bytes, string Sha256);

/// <summary>One model file of a bundle.</summary>
/// <param name="File">File name inside the bundle.</param>
/// <param name="Bytes">Size.</param>
/// <param name="Sha256">SHA-256, lower-case hexadecimal.</param>
public sealed record VariantFile(string File, [property: Range(0, long.MaxValue)] long Bytes, string Sha256)
{
    /// <summary>Accuracy and speed beside fp32; null where fp32 is the only variant.</summary>
    public VariantScore? Score { get; init; }

    /// <summary>The views that vote inside the model; <see cref="Tta.None"/> where the image alone does.</summary>
    public Tta Tta { get; init; }

    /// <summary>Of a model with views inside: the variant that it does so with.</summary>
    public string? VotesOf { get; init; }

    /// <summary>Of a model with views inside: it against the same vote of the same variant outside.</summary>
    public ParityResult? VoteParity { get; init; }

    /// <summary>Of a model with views inside for low-confidence images: which those are.</summary>
    [JsonPropertyName("doubt")]
    public LowConfidence? LowConfidence { get; init; }

    /// <summary>Of an int8 variant: how it was quantized.</summary>
    public QuantizationFacts? Quantization { get; init; }
}

/// <summary>ONNX Runtime against the network's own fp32 logits.</summary>
/// <param name="Images">Images compared.</param>
/// <param name="MaxAbsDifference">Largest absolute difference of a logit.</param>
/// <param name="SameTop1">Images with the same best class.</param>
public sealed record ParityResult([property: Range(0, int.MaxValue)] int Images, [property: Range(0, double.MaxValue)] double MaxAbsDifference, [property: Range(0, int.MaxValue)] int SameTop1);
