using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Airbench.Onnx;

/// <summary>What computes the steps.</summary>
public enum FinetuneEngineKind
{
    /// <summary>train_step.onnx in the ONNX Runtime that the product carries.</summary>
    Onnx,

    /// <summary>ONNX Runtime's on-device training, a program of its own.</summary>
    OrtTraining,
}

/// <summary>Options of the finetune stage.</summary>
public sealed record FinetuneOptions
{
    /// <summary>Gates by name.</summary>
    public static IReadOnlyList<string> GateNames { get; } = ["accuracy_min", "forgetting_max"];

    /// <summary>Folder name under exports/ and models/.</summary>
    [Description("Name of the result: its folder under exports/ and models/. Default: the name of the adapted bundle with -finetuned behind it.")]
    public string? Name { get; init; }

    /// <summary>The bundle, where no stage brings it.</summary>
    [Description("The exported model to adapt, for example exports/airbench94.")]
    public string? Model { get; init; }

    /// <summary>The new images, where no stage brings them.</summary>
    [Description("The new images: a folder or archive of <class>/*, or a prepared data set (data/x).")]
    public string? Data { get; init; }

    /// <summary>Images like those of the first training.</summary>
    [Description("A prepared data set (data/x) or a folder or archive with the old classes: rehearsed with the new images, and its test split measures what was forgotten.")]
    public string? OldData { get; init; }

    /// <summary>Folder of the unfolded weights.</summary>
    [Description("The trained model behind the bundle. Default: the bundle's own training/ folder, or models/<name of the bundle>.")]
    public string? Weights { get; init; }

    /// <summary>What learns.</summary>
    [Description("What learns: head, head+bn, last_group or all.")]
    public string Train { get; init; } = "head+bn";

    /// <summary>Whether the old classes stay.</summary>
    [Description("Whether the head keeps the old classes beside the new ones. Without old_data they are forgotten quickly.")]
    public bool KeepClasses { get; init; }

    /// <summary>Share of the batch that comes from the old data.</summary>
    [Description("Share (0 to 0.9) of each batch that comes from old_data. Default: its share of the classes of both, so that all classes are seen equally often.")]
    public double? Rehearsal { get; init; }

    /// <summary>Passes over the new images.</summary>
    [Description("Passes over the new images. Default: as many as make about 300 steps, 5 to 100.")]
    public int? Epochs { get; init; }

    /// <summary>Images a step.</summary>
    [Description("Images a step.")]
    public int BatchSize { get; init; } = 32;

    /// <summary>Peak learning rate.</summary>
    [Description("Peak learning rate on the mean loss; it rises for a fifth of the steps and falls to a twentieth. Default: 0.1 for head and head+bn, " +
        "0.03 for last_group, 0.01 for all: smaller where more of the network changes.")]
    public double? Lr { get; init; }

    /// <summary>Nesterov momentum.</summary>
    [Description("Nesterov momentum, 0 to 1.")]
    public double Momentum { get; init; } = 0.9;

    /// <summary>L2 weight decay.</summary>
    [Description("L2 weight decay on what learns.")]
    public double WeightDecay { get; init; } = 5e-4;

    /// <summary>Label smoothing.</summary>
    [Description("Share of probability (0 to 1) that the loss spreads over all classes.")]
    public double LabelSmoothing { get; init; } = 0.1;

    /// <summary>Batch norm.</summary>
    [Description("Whether batch norms that learn keep their running statistics; otherwise they follow the new images.")]
    public bool FrozenStatistics { get; init; }

    /// <summary>Mirroring.</summary>
    [Description("Whether images are mirrored at random.")]
    public bool Flip { get; init; } = true;

    /// <summary>Shifting.</summary>
    [Description("Pixels (0 to 16) that images are shifted by at random, with reflected borders.")]
    public int Translate { get; init; } = 2;

    /// <summary>Share that chooses the epoch.</summary>
    [Description("Share (0 to 0.9) of each class's training images that is held out to choose the best epoch; at least one image.")]
    public double HeldOut { get; init; } = 0.2;

    /// <summary>Early stopping.</summary>
    [Description("Epochs without a better result on the held-out images before the training stops; 0 never stops early. The best epoch is kept either way.")]
    public int Patience { get; init; }

    /// <summary>What computes.</summary>
    [Description("What computes the steps: onnx (train_step.onnx) or ort_training (ONNX Runtime's on-device training).")]
    public FinetuneEngineKind Engine { get; init; } = FinetuneEngineKind.Onnx;

    /// <summary>Threads of an operator.</summary>
    [Description("Threads of one operator; 0 is one per core.")]
    public int Threads { get; init; }

    /// <summary>Model files of the result.</summary>
    [Description("Variants of the new model: fp32 (always), fp16, int8, tta, ..., as export has them. int8 is calibrated on the new training images. " +
        "Default: those of the adapted bundle, whose input, opset, calibration and training files the new one has as well.")]
    [AllowedValues("fp32", "fp16", "int8", "tta", "adaptive", "fp16_tta", "fp16_adaptive", "int8_tta", "int8_adaptive")]
    public IReadOnlyList<string>? Variants { get; init; }

    /// <summary>Bound on what a variant may lose, 0 to 1, by variant.</summary>
    [Description("Accuracy that a variant may lose against fp32 on the new test images, 0 to 1; a variant that loses more fails the stage. " +
        "Default: 0.001 for fp16, 0.003 for the others.")]
    public Dictionary<string, double> MaxDrop { get; init; } = [];

    /// <summary>Bounds that fail the stage when missed.</summary>
    [Description("Bounds that fail the stage when missed, 0 to 1: accuracy_min on the new test images, forgetting_max for the accuracy lost on the old ones.")]
    public Dictionary<string, double> Gates { get; init; } = [];

    /// <summary>
    /// The same for a model with a backbone, whose layers have learned much more than the new images tell: smaller rates. Batch norms keep their statistics.
    /// </summary>
    internal FinetuneOptions ForBackbone() => this with { Lr = Lr ?? (TrainedParts.Find(Train) == TrainedPart.All ? 0.0005 : 0.002), FrozenStatistics = true };

    /// <summary>The peak learning rate: that of the options, or the default for what learns (docs/results.md has the measurements).</summary>
    public double PeakLr() => Lr ?? TrainedParts.Find(Train) switch
    {
        TrainedPart.LastGroup => 0.03,
        TrainedPart.All => 0.01,
        _ => 0.1,
    };

    /// <summary>Problems of the values, as "key: found; expected"; those of <see cref="Variants"/> and <see cref="MaxDrop"/> the export knows.</summary>
    public static IEnumerable<string> Check(FinetuneOptions options)
    {
        if (TrainedParts.Find(options.Train) is null)
        {
            yield return $"train: '{options.Train}'; expected {string.Join(", ", TrainedParts.Names)}";
        }
        if (options.Epochs is { } epochs and (< 1 or > 10_000))
        {
            yield return $"epochs: {epochs}; expected 1 to 10000";
        }
        if (options.BatchSize is < 2 or > 8192)
        {
            yield return $"batch_size: {options.BatchSize}; expected 2 to 8192";
        }
        (string Key, double Value, double Least, double Most)[] numbers =
        [
            ("rehearsal", options.Rehearsal ?? 0, 0, 0.9), ("lr", options.PeakLr(), 1e-8, 1000), ("momentum", options.Momentum, 0, 0.9999),
            ("weight_decay", options.WeightDecay, 0, 1), ("label_smoothing", options.LabelSmoothing, 0, 0.9), ("held_out", options.HeldOut, 0, 0.9),
            ("translate", options.Translate, 0, 16), ("patience", options.Patience, 0, 10_000), ("threads", options.Threads, 0, 1024),
            .. options.Gates.Where(gate => GateNames.Contains(gate.Key)).Select(gate => ($"gates.{gate.Key}", gate.Value, 0.0, 1.0)),
        ];
        foreach (var (key, value, least, most) in numbers)
        {
            if (!(value >= least && value <= most))
            {
                yield return FormattableString.Invariant($"{key}: {value}; expected {least} to {most}");
            }
        }
        foreach (var name in options.Gates.Keys.Except(GateNames))
        {
            yield return $"gates.{name}: unknown; expected {string.Join(" or ", GateNames)}";
        }
        if (options.Gates.ContainsKey("forgetting_max") && options.OldData is null)
        {
            yield return "gates.forgetting_max: without old_data what was forgotten cannot be measured; give old_data as well";
        }
    }
}
