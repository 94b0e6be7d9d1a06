using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Airbench.Onnx;

/// <summary>How a network that exists learns new classes.</summary>
public sealed record TransferOptions
{
    /// <summary>A name of <see cref="Backbones"/>, or the full path of an ONNX file.</summary>
    public required string Backbone { get; init; }

    /// <summary>What the pixels become before a backbone of the user's own.</summary>
    public BackboneInput Input { get; init; } = new();

    /// <summary>What learns.</summary>
    public TransferPart Train { get; init; } = TransferPart.Head;

    /// <summary>How much an example counts.</summary>
    public ClassWeights ClassWeights { get; init; } = ClassWeights.None;

    /// <summary>Whether mirror images are learned too.</summary>
    public bool Mirror { get; init; }

    /// <summary>Views of a test image that vote: <see cref="Airbench.Tta.None"/> or <see cref="Airbench.Tta.Mirror"/>.</summary>
    public Tta Tta { get; init; } = Tta.Mirror;

    /// <summary>Random crops of each training image that are learned beside it.</summary>
    public int Crops { get; init; }

    /// <summary>Parts of a cross-validation; 0 is none.</summary>
    public int Folds { get; init; }

    /// <summary>Divisions of the cross-validation.</summary>
    public int Repeats { get; init; } = 1;

    /// <summary>How the layers below the head learn.</summary>
    public TransferSteps Steps { get; init; } = DefaultSteps(TransferPart.LastBlock);

    /// <summary>Threads of one operator; 0 is one per core.</summary>
    public int Threads { get; init; }

    /// <summary>What is taken where nothing else is said.</summary>
    public static TransferSteps DefaultSteps(TransferPart train) =>
        new(Epochs: 6, BatchSize: 32, Lr: train == TransferPart.All ? 0.0005 : 0.002, HeadLr: 0.1, Momentum: 0.9, WeightDecay: 5e-4, LabelSmoothing: 0);
}

/// <summary>What the pixels, 0 to 255 in the order red, green, blue, become before they are given to a network of the user's own.</summary>
public sealed record BackboneInput
{
    /// <summary>A model that does it.</summary>
    [Description("An ONNX file that turns pixels (0 to 255, [N,3,S,S], RGB) into what the backbone takes; instead of the numbers below.")]
    public string? Preprocess { get; init; }

    /// <summary>Factor of the pixels.</summary>
    [Description("value = (pixel * scale - mean) / std with pixels 0 to 255: 0.00392156862745098 (1/255) or 1.")]
    public double? Scale { get; init; }

    /// <summary>Subtracted after scaling.</summary>
    [Description("Means to subtract after scaling, in the order red, green, blue [default: 0, 0, 0].")]
    public IReadOnlyList<double>? Mean { get; init; }

    /// <summary>Divisor after that.</summary>
    [Description("What to divide by after that, in the order red, green, blue [default: 1, 1, 1].")]
    public IReadOnlyList<double>? Std { get; init; }

    /// <summary>Order of the colours.</summary>
    [Description("Order of the colours: rgb (the default) or bgr.")]
    public ColorOrder? ColorOrder { get; init; }

    /// <summary>What an import is told by it.</summary>
    internal ImportOptions ToImport() => new() { Preprocess = Preprocess, Scale = Scale, Mean = Mean, Std = Std, Order = ColorOrder };

    /// <summary>Problems of the values, as "key: found; expected".</summary>
    /// <param name="isOurs">Whether it is of a backbone that comes with the program, whose input is known.</param>
    public IEnumerable<string> Problems(bool isOurs)
    {
        var hasNumbers = Scale is not null || Mean is not null || Std is not null || ColorOrder is not null;
        if (isOurs && (Preprocess is not null || hasNumbers))
        {
            yield return "backbone_input: is given, but the input of this backbone is known; expected none";
        }
        if (Preprocess is not null && hasNumbers)
        {
            yield return "backbone_input: preprocess beside scale, mean, std or color_order; expected a model or numbers";
        }
        if (Preprocess?.Length == 0)
        {
            yield return "backbone_input.preprocess: empty; expected the path of an ONNX model";
        }
        foreach (var problem in PixelNumbers.Problems(Scale, Mean, Std, "backbone_input."))
        {
            yield return problem;
        }
    }
}
