using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Airbench.OnnxModel;

/// <summary>Options of the export stage.</summary>
public sealed record ExportOptions
{
    /// <summary>The variant in full precision.</summary>
    public const string Fp32 = "fp32";

    /// <summary>The variant in half precision.</summary>
    public const string Fp16 = "fp16";

    /// <summary>The variant on 8-bit integers.</summary>
    public const string Int8 = "int8";

    /// <summary>In <see cref="FloatLayers"/>: the layer that reads the pixels.</summary>
    public const string FirstLayer = "first";

    /// <summary>In <see cref="FloatLayers"/>: the layer that gives the logits.</summary>
    public const string LastLayer = "last";

    private static readonly string[] Known = [Fp32, Fp16, Int8];

    /// <summary>Accuracy that a variant may lose where nothing else is said, 0 to 1.</summary>
    private static readonly Dictionary<string, double> DefaultMaxDrop = new() { [Fp16] = 0.001, [Int8] = 0.003 };

    /// <summary>Folder name under exports/.</summary>
    [Description("Name of the bundle: its folder under exports/. Default: the pipeline's name.")]
    public string? Name { get; init; }

    /// <summary>Model files to write.</summary>
    [Description("Variants of the model to write: fp32 (always), fp16 (for GPUs), int8 (for CPUs). All but fp32 need the data set.")]
    [AllowedValues(Fp32, Fp16, Int8)]
    public IReadOnlyList<string> Variants { get; init; } = [Fp32];

    /// <summary>Bound on what a variant may lose, 0 to 1, by variant.</summary>
    [Description("Accuracy that a variant may lose against fp32 on the test split, 0 to 1; a variant that loses more fails the stage.")]
    public Dictionary<string, double> MaxDrop { get; init; } = new(DefaultMaxDrop);

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

    /// <summary>The bound on <paramref name="variant"/>: its own, or the default.</summary>
    public double MaxDropOf(string variant) => MaxDrop.TryGetValue(variant, out var drop) ? drop : DefaultMaxDrop[variant];

    /// <summary>Problems of the values, as "key: found; expected".</summary>
    public static IEnumerable<string> Check(ExportOptions options)
    {
        var found = $"variants: [{string.Join(", ", options.Variants)}]";
        foreach (var variant in options.Variants.Except(Known))
        {
            yield return $"variants: '{variant}'; expected {string.Join(", ", Known)}";
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
                yield return $"max_drop.{variant}: unknown; expected {string.Join(" or ", DefaultMaxDrop.Keys)}";
            }
            else if (drop is not (>= 0 and <= 1))
            {
                yield return FormattableString.Invariant($"max_drop.{variant}: {drop}; expected 0 to 1");
            }
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
