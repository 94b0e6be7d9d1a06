using System.Numerics.Tensors;

namespace Airbench.Onnx;

/// <summary>
/// A foreign model in the form that everything else builds on: one input <c>pixels</c>, float32 [N,3,S,S], RGB, 0 to 255; one output, float32 [N,F];
/// opset 13 to 22; every constant an initializer with raw data, every real number float32.
/// </summary>
/// <param name="Graph">The graph.</param>
/// <param name="ImageSize">S.</param>
/// <param name="FeatureCount">F: extents of <c>features</c>, or of <c>logits</c> where the whole classifier was asked for.</param>
/// <param name="LastBlockStart">
/// The value at which its last block begins: all later nodes depend on it and nothing earlier does (<see cref="LastBlock"/>). Null where there is no such value.
/// </param>
/// <param name="Notes">What was done to the file, a sentence each.</param>
/// <param name="Source">What the file was.</param>
internal sealed record ImportedModel(
    OnnxGraph Graph, int ImageSize, int FeatureCount, string? LastBlockStart, IReadOnlyList<string> Notes, ImportSource Source)
{
    /// <summary>The output of <see cref="ImportPart.Features"/>.</summary>
    public const string Features = "features";

    /// <summary>The output of <see cref="ImportPart.Classifier"/>.</summary>
    public const string Logits = "logits";

    /// <summary>The file as it was read: what the graph has to compute.</summary>
    public required OriginalModel Original { get; init; }

    /// <summary>The value of the original that became the output; feature maps are averaged over height and width.</summary>
    public required string OriginalValue { get; init; }

    /// <summary>Whether the file computes in half precision. It rounds every value then, so that its answers are only near those of float32.</summary>
    public bool IsHalf { get; init; }

    /// <summary>The features that the original gives for one image, uint8 [3,S,S].</summary>
    /// <param name="run">A session of <see cref="Original"/> for <see cref="OriginalValue"/>.</param>
    /// <param name="image">The image.</param>
    public float[] AnswerOf(OriginalRun run, ReadOnlySpan<byte> image)
    {
        var (values, features) = (run.Answer(image), new float[FeatureCount]);
        var positions = values.Length / FeatureCount;
        for (var i = 0; i < FeatureCount; i++)
        {
            features[i] = positions == 1 ? values[i] : TensorPrimitives.Sum<float>(values.AsSpan(i * positions, positions)) / positions;
        }
        return features;
    }

    /// <summary>Multiply-adds of the graph's convolutions and products for one image.</summary>
    public long MultiplyAdds { get; init; }

    /// <summary>Share of them behind <see cref="LastBlockStart"/>, 0 to 1.</summary>
    public double LastBlockShare { get; init; }

    /// <summary>What is done to pixels before the first layer.</summary>
    public required PixelMap Pixels { get; init; }

    /// <summary>The same for people: "pixels in the order BGR, less a mean image".</summary>
    public required string PixelNote { get; init; }
}

/// <summary>What an imported file was.</summary>
/// <param name="Path">As it was named.</param>
/// <param name="Opset">Version of the standard operators.</param>
/// <param name="Producer">Name and version of the program that wrote it; empty where it does not say.</param>
/// <param name="Input">What it takes.</param>
/// <param name="Head">Its last linear layer, by the file's names; null where it has none.</param>
/// <param name="MultiplyAdds">Of all of it, the head included, for one image.</param>
internal sealed record ImportSource(string Path, int Opset, string Producer, ModelInput Input, ModelHead? Head, long MultiplyAdds);

/// <summary>The last linear layer of a classifier.</summary>
/// <param name="Node">Name of its node.</param>
/// <param name="Operator">Gemm, MatMul or Conv.</param>
/// <param name="Features">The value that it reads.</param>
/// <param name="Scores">The value with its scores, bias added, before softmax.</param>
internal sealed record ModelHead(string Node, string Operator, string Features, string Scores);
