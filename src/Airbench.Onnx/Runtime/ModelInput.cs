using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Airbench.Onnx;

/// <summary>Order of an image's values in memory.</summary>
public enum PixelLayout
{
    /// <summary>Planes: [N,3,H,W].</summary>
    Nchw,

    /// <summary>Interleaved: [N,H,W,3].</summary>
    Nhwc,
}

/// <summary>Order of the colours.</summary>
public enum ColorOrder
{
    /// <summary>Red, green, blue.</summary>
    Rgb,

    /// <summary>Blue, green, red, as OpenCV and Caffe have it.</summary>
    Bgr,
}

/// <summary>What the scores of an output are.</summary>
public enum OutputKind
{
    /// <summary>Unbounded; softmax makes probabilities of them. Log-probabilities are logits too.</summary>
    Logits,

    /// <summary>0 to 1, with the sum 1.</summary>
    Probabilities,
}

/// <summary>How pixels are handed to a model: value = (pixel * scale - mean) / std, pixel 0 to 255.</summary>
/// <param name="Name">Input of the graph.</param>
/// <param name="Type">Element type: uint8, float, float16 or double.</param>
/// <param name="Layout">Planes or interleaved.</param>
/// <param name="Color">Order of the colours.</param>
/// <param name="Normalization">Scale, mean and std, the latter in the order red, green, blue.</param>
/// <param name="Size">Height and width, pixels.</param>
/// <param name="Fit">How images that are not square become so.</param>
/// <param name="FixedBatch">Images of every call where the graph fixes them; null where they are free.</param>
internal sealed record ModelInput(
    string Name, string Type, PixelLayout Layout, ColorOrder Color, Normalization Normalization, int Size, Fit Fit, int? FixedBatch)
{
    /// <summary>Pixels as decoded.</summary>
    public static Normalization AsDecoded { get; } = new(1, [0, 0, 0], [1, 1, 1]);

    /// <summary>Whether the model takes decoded planar RGB as it is, any number of images.</summary>
    public bool IsPixels => Type == "uint8" && Layout == PixelLayout.Nchw && Color == ColorOrder.Rgb && FixedBatch is null;

    /// <summary>Bytes of one value.</summary>
    public int ValueBytes => Type switch { "uint8" => 1, "float16" => 2, "double" => 8, _ => 4 };

    /// <summary>The element type as ONNX Runtime names it.</summary>
    public TensorElementType ElementType => Type switch
    {
        "uint8" => TensorElementType.UInt8,
        "float16" => TensorElementType.Float16,
        "double" => TensorElementType.Double,
        _ => TensorElementType.Float,
    };

    /// <summary>A tensor of <paramref name="count"/> images, all zero.</summary>
    public OrtValue Empty(int count)
    {
        var value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, ElementType, Shape(count));
        value.GetTensorMutableRawData().Clear();
        return value;
    }

    /// <summary>Extents of <paramref name="count"/> images.</summary>
    public long[] Shape(int count) => Layout == PixelLayout.Nchw ? [count, 3, Size, Size] : [count, Size, Size, 3];

    /// <summary>For people and <c>metrics.json</c>.</summary>
    public override string ToString() => FormattableString.Invariant(
        $"{Name} {Type} {Layout.ToString().ToLowerInvariant()} {Color.ToString().ToLowerInvariant()} {Size}x{Size} {Fit.ToString().ToLowerInvariant()}") +
        (Type == "uint8" ? ", pixels as decoded" : FormattableString.Invariant($", (pixel * {Normalization.Scale} - [{Text(Normalization.Mean)}]) / [{Text(Normalization.Std)}]"));

    private static string Text(IReadOnlyList<double> values) => string.Join(", ", values.Select(v => FormattableString.Invariant($"{v}")));
}

/// <summary>Where a model's scores are.</summary>
/// <param name="Name">Output of the graph: [N, K], or more dimensions of which one alone is not 1, such as [N, K, 1, 1].</param>
/// <param name="Type">Element type: float, float16 or double.</param>
/// <param name="Kind">What they are.</param>
/// <param name="ClassCount">Classes K.</param>
internal sealed record ModelOutput(string Name, string Type, OutputKind Kind, int ClassCount)
{
    /// <summary>Whether the graph declares [N, K].</summary>
    public bool IsMatrix { get; init; } = true;

    /// <summary>Whether they are float32 logits [N, K] already.</summary>
    public bool IsLogits => Type == "float" && Kind == OutputKind.Logits && IsMatrix;

    /// <summary>Whether a call of <paramref name="count"/> images may give a value of this shape: the scores of each image in one piece.</summary>
    public bool Fits(ReadOnlySpan<long> shape, int count)
    {
        if (shape.Length < 2 || shape[0] != count)
        {
            return false;
        }
        var (scores, others) = (0, 0);
        foreach (var extent in shape[1..])
        {
            scores += extent == ClassCount ? 1 : 0;
            others += extent is not 1 && extent != ClassCount ? 1 : 0;
        }
        return others == 0 && (scores == 1 || ClassCount == 1);
    }

    /// <summary>For people and <c>metrics.json</c>.</summary>
    public override string ToString() => $"{Name} {Type} {Kind.ToString().ToLowerInvariant()} {ClassCount}";
}
