using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Airbench.Onnx;

/// <summary>Options of the export stage.</summary>
public sealed record ExportOptions
{
    /// <summary>The variant in full precision.</summary>
    public const string Fp32 = "fp32";

    /// <summary>The variant in half precision.</summary>
    public const string Fp16 = "fp16";

    /// <summary>The variant on 8-bit integers.</summary>
    public const string Int8 = "int8";

    /// <summary>The variant with six views inside.</summary>
    public const string Tta = "tta";

    /// <summary>The variant with six views inside for low-confidence images.</summary>
    public const string Adaptive = "adaptive";

    /// <summary>In <see cref="FloatLayers"/>: the layer that reads the pixels.</summary>
    public const string FirstLayer = "first";

    /// <summary>In <see cref="FloatLayers"/>: the layer that gives the logits.</summary>
    public const string LastLayer = "last";

    /// <summary>Accuracy that a variant may lose where nothing else is said, 0 to 1.</summary>
    private static readonly Dictionary<string, double> DefaultMaxDrop = ModelVariant.All.Values.Where(variant => variant.Name != Fp32)
        .ToDictionary(variant => variant.Name, variant => variant.Precision == Fp16 ? 0.001 : 0.003);

    /// <summary>Folder name under exports/.</summary>
    [Description("Name of the bundle: its folder under exports/. Default: the pipeline's name.")]
    public string? Name { get; init; }

    /// <summary>Model files to write.</summary>
    [Description("Variants of the model to write: fp32 (always), fp16 (for GPUs), int8 (for CPUs); tta (6 views of each image vote inside) and adaptive " +
        "(6 views for low-confidence images), also of the others: fp16_tta, fp16_adaptive, int8_tta, int8_adaptive. All but fp32 need the data set.")]
    [AllowedValues(Fp32, Fp16, Int8, Tta, Adaptive, "fp16_tta", "fp16_adaptive", "int8_tta", "int8_adaptive")]
    public IReadOnlyList<string> Variants { get; init; } = [Fp32];

    /// <summary>Bound on what a variant may lose, 0 to 1, by variant.</summary>
    [Description("Accuracy that a variant may lose against fp32 on the test split, 0 to 1; a variant that loses more fails the stage. " +
        "Default: 0.001 for fp16, 0.003 for the others; with fewer than 1000 test images instead fp32's class on 98% (fp16: 99.5%) of the images of both splits, and no significant loss.")]
    public Dictionary<string, double> MaxDrop { get; init; } = [];

    /// <summary>Share of the training images that are low-confidence.</summary>
    [Description("Of adaptive: the share of training images (0 to 1) that get all 6 views; it sets the confidence threshold. " +
        "More of new images are below it, as the network has not learned them.")]
    public double AdaptiveShare { get; init; } = 0.12;

    /// <summary>What the model takes.</summary>
    [Description("What the model takes: uint8_nchw (planes of bytes), uint8_nhwc (interleaved bytes, as image libraries have them) or " +
        "float_nchw (planes of float32, pixel / 255).")]
    public InputFormat Input { get; init; } = InputFormat.Uint8Nchw;

    /// <summary>Whether the model resizes.</summary>
    [Description("true: height and width are open, and the model itself resizes and crops as prepare does.")]
    public bool AcceptAnySize { get; init; }

    /// <summary>How int8 ranges are chosen.</summary>
    [Description("Calibration of int8 on training images.")]
    public CalibrationOptions Calibration { get; init; } = new();

    /// <summary>Layers that int8 leaves in float.</summary>
    [Description("Layers that int8 leaves in float: first, last, or names. Further ones stay in float where max_drop needs it.")]
    public IReadOnlyList<string> FloatLayers { get; init; } = [];

    /// <summary>What may learn from the bundle alone.</summary>
    [Description("Training-step models to write under training/, by what learns: head, head+bn, last_group or all. Any ONNX Runtime can then adapt the model.")]
    public IReadOnlyList<string> Training { get; init; } = [];

    /// <summary>Whether the same for TrainingSession.</summary>
    [Description("Also write, for each of these, the artifacts of ONNX Runtime's on-device training (TrainingSession of 1.19.2).")]
    public bool OnDevice { get; init; }

    /// <summary>ONNX operator-set version.</summary>
    [Description("ONNX operator-set version, 13 to 22. Lower ones suit older servers; the computation is the same.")]
    public int Opset { get; init; } = 17;

    /// <summary>Whether the data set is needed beside the trained model.</summary>
    public static bool NeedDataset(ExportOptions options) => options.Variants.Any(variant => variant != Fp32);

    /// <summary>The options that a bundle was exported with, as far as its manifest has them: all but the name and the bounds on accuracy.</summary>
    /// <remarks>
    /// <see cref="FloatLayers"/> are those that int8 left in float for whatever reason, and <see cref="AdaptiveShare"/> is the share that
    /// the bundle's training images came to.
    /// </remarks>
    public static ExportOptions Of(BundleManifest bundle)
    {
        var (quantization, training) = (bundle.Variants.GetValueOrDefault(Int8)?.Quantization, bundle.Training ?? []);
        return new ExportOptions
        {
            Variants = [.. bundle.Variants.Keys],
            AdaptiveShare = bundle.Variants.Values.Select(variant => variant.LowConfidence?.TrainingShare).FirstOrDefault(share => share is > 0 and < 1)
                ?? new ExportOptions().AdaptiveShare,   // alike confidences can come to none or all
            Input = bundle.Input,
            AcceptAnySize = bundle.AcceptsAnySize,
            Calibration = quantization?.Calibration ?? new(),
            FloatLayers = quantization?.FloatLayers ?? [],
            Training = [.. training.Select(file => file.Train).Distinct()],
            OnDevice = training.Any(file => file.File.Contains($"/{OnDeviceArtifacts.FolderName}/", StringComparison.Ordinal)),
            Opset = bundle.Opset,
        };
    }

    /// <summary>The bound on <paramref name="variant"/>: its own, or the default.</summary>
    public double MaxDropOf(string variant) => MaxDrop.TryGetValue(variant, out var drop) ? drop : DefaultMaxDrop[variant];

    /// <summary>Problems of the values, as "key: found; expected".</summary>
    public static IEnumerable<string> Check(ExportOptions options)
    {
        var found = $"variants: [{string.Join(", ", options.Variants)}]";
        foreach (var variant in options.Variants.Where(variant => !ModelVariant.All.ContainsKey(variant)))
        {
            yield return $"variants: '{variant}'; expected {string.Join(", ", ModelVariant.All.Keys)}";
        }
        foreach (var name in options.Variants)
        {
            if (ModelVariant.All.TryGetValue(name, out var variant) && variant.Precision != Fp32 && !options.Variants.Contains(variant.Precision))
            {
                yield return $"{found}; expected {variant.Precision} among them, which {name} is made of";
            }
        }
        if (!options.Variants.Contains(Fp32))
        {
            yield return $"{found}; expected {Fp32} among them: the others are judged against it";
        }
        if (options.Variants.Distinct().Count() != options.Variants.Count)
        {
            yield return $"{found}; expected each name once";
        }
        foreach (var (variant, drop) in options.MaxDrop)
        {
            if (!DefaultMaxDrop.ContainsKey(variant))
            {
                yield return $"max_drop.{variant}: unknown; expected {string.Join(", ", DefaultMaxDrop.Keys.SkipLast(1))} or {DefaultMaxDrop.Keys.Last()}";
            }
            else if (drop is not (>= 0 and <= 1))
            {
                yield return FormattableString.Invariant($"max_drop.{variant}: {drop}; expected 0 to 1");
            }
        }
        if (options.AdaptiveShare is not (> 0 and < 1))
        {
            yield return FormattableString.Invariant($"adaptive_share: {options.AdaptiveShare}; expected a share between 0 and 1");
        }
        foreach (var problem in CalibrationOptions.Check(options.Calibration))
        {
            yield return problem;
        }
        if (options.FloatLayers.Distinct().Count() != options.FloatLayers.Count)
        {
            yield return $"float_layers: [{string.Join(", ", options.FloatLayers)}]; expected each name once";
        }
        foreach (var part in options.Training.Where(part => TrainedParts.Find(part) is null))
        {
            yield return $"training: '{part}'; expected {string.Join(", ", TrainedParts.Names)}";
        }
        if (options.OnDevice && options.Training.Count == 0)
        {
            yield return "on_device: true; expected at least one name in training beside it";
        }
        if (options.Training.Distinct().Count() != options.Training.Count)
        {
            yield return $"training: [{string.Join(", ", options.Training)}]; expected each name once";
        }
        if (options.Opset is < 13 or > 22)
        {
            yield return $"opset: {options.Opset}; expected 13 to 22";
        }
    }
}
