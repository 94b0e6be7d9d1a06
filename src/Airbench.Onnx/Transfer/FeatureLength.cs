using System.Numerics.Tensors;
using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>How long a backbone's features are: a step of the head moves the logits by the square of that times its learning rate.</summary>
internal static class FeatureLength
{
    private const int Images = 64;

    /// <summary>Mean of the squared Euclidean norms.</summary>
    public static double MeanSquare(FeatureTable features) =>
        Enumerable.Range(0, features.Images).Average(image => (double)TensorPrimitives.SumOfSquares(features.Row(image)));

    /// <summary>The same of some images of a split.</summary>
    /// <param name="backboneFile"><c>backbone.onnx</c>.</param>
    /// <param name="width">Features F.</param>
    /// <param name="split">At least one image.</param>
    /// <param name="device">auto, cpu, cuda or cuda:N.</param>
    /// <param name="threads">Threads of one operator; 0 is one per core.</param>
    public static double MeanSquare(string backboneFile, int width, ImageSplit split, string device, int threads)
    {
        var graph = new OnnxGraph(ProtoFile.Read(backboneFile, ModelProto.Parser));
        using var extractor = FeatureExtractor.Open(graph, split.ImageSize, [width], device, new SessionSettings(threads));
        var count = Math.Min(Images, split.Count);
        var values = new float[count * width];
        for (var i = 0; i < count; i++)
        {
            extractor.Run(split.Images((int)((long)i * split.Count / count), 1), 1, values.AsSpan(i * width, width));
        }
        return MeanSquare(new FeatureTable(values, width, Views: 1));
    }
}
