namespace Airbench.Onnx;

/// <summary>How much of a classifier is taken in.</summary>
internal enum ImportPart
{
    /// <summary>What its last linear layer reads: <c>features</c> [N, F].</summary>
    Features,

    /// <summary>All of it, without the softmax behind its scores: <c>logits</c> [N, K].</summary>
    Classifier,
}

/// <summary>What a user says of an ONNX file that does not say it itself; it wins over the file.</summary>
internal sealed record ImportOptions
{
    /// <summary>Height and width S where the file leaves them open, pixels; 224 where the file's properties say nothing either.</summary>
    public int? ImageSize { get; init; }

    /// <summary>An ONNX file that makes the model's input of RGB pixels, 0 to 255: <c>ResNetPreprocess.onnx</c> of CNTK is one.</summary>
    public string? Preprocess { get; init; }

    /// <summary>Factor of the pixels: value = (pixel * scale - mean) / std.</summary>
    public double? Scale { get; init; }

    /// <summary>Subtracted after scaling, in the order red, green, blue; 0 without it.</summary>
    public IReadOnlyList<double>? Mean { get; init; }

    /// <summary>Divisor after that, in the order red, green, blue; 1 without it.</summary>
    public IReadOnlyList<double>? Std { get; init; }

    /// <summary>Order of the colours that the model takes; red, green, blue without it.</summary>
    public ColorOrder? Order { get; init; }

    /// <summary>Features or the whole classifier.</summary>
    public ImportPart Part { get; init; } = ImportPart.Features;
}
