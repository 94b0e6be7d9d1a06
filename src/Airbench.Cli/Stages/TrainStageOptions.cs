using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Airbench.Onnx;
using Airbench.Training;

namespace Airbench.Cli;

/// <summary>Options of the train stage: those of training from scratch, and those of starting from a network that exists.</summary>
internal sealed record TrainStageOptions : TrainOptions
{
    [Description("A network that exists, whose features a new head learns: resnet18 (ImageNet; comes with the program), or the path of an ONNX model. Best for photos, and for few of them.")]
    public string? Backbone { get; init; }

    [Description("Of a backbone: what learns: head (a linear layer, in seconds), last_block or all (also the backbone's own layers, by gradient descent in ONNX Runtime).")]
    public TransferPart? Train { get; init; }

    [Description("Of a backbone: none (each image counts as much as any other) or balanced (each class does).")]
    public ClassWeights? ClassWeights { get; init; }

    [Description("Of a backbone: random crops of each training image that are learned beside it.")]
    [Range(0, 100)]
    public int? Crops { get; init; }

    [Description("Of a backbone: parts of a cross-validation over all images of both splits, for a number that a small test split cannot give; 0 is none.")]
    [Range(0, 100)]
    public int? Folds { get; init; }

    [Description("Of a cross-validation: how many times the images are divided anew.")]
    [Range(1, 1000)]
    public int? Repeats { get; init; }

    [Description("Of a backbone of your own: what the pixels become before it, where the file does not say it.")]
    public BackboneInput BackboneInput { get; init; } = new();

    /// <summary>Hyperparameters of recipes that a transfer has too.</summary>
    private static readonly string[] Shared = ["flip", .. StepKeys];

    private static IReadOnlyList<string> StepKeys => ["epochs", "batch_size", "lr", "head_lr", "momentum", "weight_decay", "label_smoothing"];

    /// <summary>Problems that the types cannot express, as "key: found; expected".</summary>
    public static IEnumerable<string> Check(TrainStageOptions options)
    {
        foreach (var problem in NumberRange.Problems(options))
        {
            yield return problem;
        }
        foreach (var problem in options.Backbone is null ? FromScratch(options) : WithBackbone(options))
        {
            yield return problem;
        }
    }

    /// <summary>What the transfer is to do.</summary>
    /// <param name="root">Folder that a backbone's path is relative to.</param>
    public TransferOptions ToTransfer(string root)
    {
        var part = Train ?? TransferPart.Head;
        var steps = TransferOptions.DefaultSteps(part);
        return new TransferOptions
        {
            Backbone = Backbones.Names.Contains(Backbone!) ? Backbone! : Path.Combine(root, Backbone!),
            Input = BackboneInput with { Preprocess = BackboneInput.Preprocess is { } preprocess ? Path.Combine(root, preprocess) : null },
            Train = part,
            ClassWeights = ClassWeights ?? Airbench.ClassWeights.None,
            // Of a head alone, mirror images cost as much as the images and tell it hardly more.
            Mirror = Changes.Find("flip") is Flip flip ? flip != Flip.None : part != TransferPart.Head,
            Tta = Changes.Find("flip") is Flip.None ? Tta.None : Tta.Mirror,
            Crops = Crops ?? 0,
            Folds = Folds ?? 0,
            Repeats = Repeats ?? 1,
            Threads = Threads,
            Steps = new TransferSteps(
                Number("epochs", steps.Epochs), (int)Number("batch_size", steps.BatchSize), Number("lr", steps.Lr), Number("head_lr", steps.HeadLr),
                Number("momentum", steps.Momentum), Number("weight_decay", steps.WeightDecay), Number("label_smoothing", steps.LabelSmoothing)),
        };

        double Number(string key, double otherwise) =>
            Changes.Find(key) is { } value ? Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture) : otherwise;
    }

    private static IEnumerable<string> FromScratch(TrainStageOptions options)
    {
        (string Key, object? Value)[] others =
        [
            ("train", options.Train), ("class_weights", options.ClassWeights), ("crops", options.Crops), ("folds", options.Folds), ("repeats", options.Repeats),
            ("backbone_input", options.BackboneInput == new BackboneInput() ? null : options.BackboneInput),
        ];
        return others.Where(other => other.Value is not null)
            .Select(other => $"{other.Key}: is given, but nothing to start from; expected backbone: resnet18, or the path of an ONNX model, beside it")
            .Concat(TrainOptions.Check(options));
    }

    private static IEnumerable<string> WithBackbone(TrainStageOptions options)
    {
        if (options.Backbone!.Length == 0)
        {
            yield return $"backbone: empty; expected {string.Join(", ", Backbones.Names)}, or the path of an ONNX model";
        }
        if (options.Recipe != new TrainOptions().Recipe)
        {
            yield return $"recipe: {options.Recipe}, with a backbone, which has a network and a training of its own; expected one of the two";
        }
        if (options.Runs > 1)
        {
            yield return $"runs: {options.Runs}, with a backbone; expected 1: folds and repeats tell how far the result can be trusted";
        }
        var scratch = new TrainOptions();
        (string Key, bool IsGiven)[] unused =
        [
            ("precision", options.Precision != scratch.Precision), ("kernels", options.Kernels != scratch.Kernels), ("cuda_graph", options.CudaGraph != scratch.CudaGraph),
            ("validate_every", options.ValidateEvery != scratch.ValidateEvery),
            ("checkpoint_every_seconds", options.CheckpointEverySeconds != scratch.CheckpointEverySeconds),
        ];
        foreach (var (key, _) in unused.Where(option => option.IsGiven))
        {
            yield return $"{key}: does nothing with a backbone; leave it out";
        }
        var part = options.Train ?? TransferPart.Head;
        foreach (var key in options.Changes.Keys)
        {
            if (!Shared.Contains(key))
            {
                yield return $"{key}: is for networks that are trained from scratch; expected none with a backbone, which takes flip, {string.Join(", ", StepKeys)}";
            }
            else if (part == TransferPart.Head && key != "flip")
            {
                yield return $"{key}: is for gradient descent, and a head alone is fitted without; expected train: last_block or all beside it";
            }
        }
        if (options.Folds == 1)
        {
            yield return "folds: 1; expected 0, or 2 or more";
        }
        if (options.Repeats > 1 && options.Folds is null or 0)
        {
            yield return $"repeats: {options.Repeats}, without a cross-validation; expected folds beside it";
        }
        foreach (var problem in options.BackboneInput.Problems(Backbones.Names.Contains(options.Backbone)))
        {
            yield return problem;
        }
    }
}
