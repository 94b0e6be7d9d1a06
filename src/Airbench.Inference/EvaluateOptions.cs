using System.ComponentModel;

namespace Airbench.Inference;

/// <summary>Options of the evaluate stage.</summary>
public sealed record EvaluateOptions
{
    /// <summary>
    /// Default of <see cref="AdaptiveThreshold"/>: no class has most of the probability. Higher ones soon cost as much as all views for
    /// everything, as label smoothing keeps even sure answers low (0.2 over 10 classes: at 0.82).
    /// </summary>
    public const double DefaultAdaptiveThreshold = 0.5;

    /// <summary>Variant of the bundle.</summary>
    [Description("Variant of the exported model to evaluate: fp32, or another that the export wrote (fp16, int8).")]
    public string Model { get; init; } = "fp32";

    /// <summary>Views of an image that vote.</summary>
    [Description("Test-time augmentation: none, mirror (2 views), mirror_translate (6 views) or adaptive (6 views where the first leaves doubt). " +
        "Plain accuracy is reported as well.")]
    public Tta Tta { get; init; } = Tta.MirrorTranslate;

    /// <summary>Bound of <see cref="Tta.Adaptive"/>.</summary>
    [Description("With tta: adaptive, images whose best class has a lower probability than this (0 to 1) when untouched get all 6 views.")]
    public double AdaptiveThreshold { get; init; } = DefaultAdaptiveThreshold;

    /// <summary>Images to evaluate on.</summary>
    [Description("Split of the data set: test or train.")]
    public Split Split { get; init; } = Split.Test;

    /// <summary>Images a call.</summary>
    [Description("Images a call of ONNX Runtime, 1 to 10000. Changes speed and memory, not the result.")]
    public int BatchSize { get; init; } = 100;

    /// <summary>Threads of one operator.</summary>
    [Description("Threads, 0 for one per core.")]
    public int Threads { get; init; }

    /// <summary>Bounds that fail the stage when missed.</summary>
    [Description("Bounds that fail the stage when missed: accuracy_min (with TTA) and accuracy_plain_min, 0 to 1.")]
    public Dictionary<string, double> Gates { get; init; } = [];

    /// <summary>Problems of the values, as "key: found; expected".</summary>
    public static IEnumerable<string> Check(EvaluateOptions options)
    {
        if (options.Model.Length == 0)
        {
            yield return "model: empty; expected the name of a variant, such as fp32";
        }
        if (options.AdaptiveThreshold is not (>= 0 and <= 1))
        {
            yield return FormattableString.Invariant($"adaptive_threshold: {options.AdaptiveThreshold}; expected 0 to 1");
        }
        if (options.BatchSize is < 1 or > 10_000)
        {
            yield return FormattableString.Invariant($"batch_size: {options.BatchSize}; expected 1 to 10000");
        }
        if (options.Threads is < 0 or > 1024)
        {
            yield return FormattableString.Invariant($"threads: {options.Threads}; expected 0 to 1024");
        }
        foreach (var (name, bound) in options.Gates)
        {
            if (!EvaluationGates.Names.Contains(name))
            {
                yield return $"gates.{name}: unknown; expected {string.Join(" or ", EvaluationGates.Names)}";
            }
            else if (bound is not (>= 0 and <= 1))
            {
                yield return FormattableString.Invariant($"gates.{name}: {bound}; expected 0 to 1");
            }
        }
    }
}
