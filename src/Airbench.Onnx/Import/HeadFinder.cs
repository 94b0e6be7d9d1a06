using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>Where a classifier ends: its last linear layer, behind which only bias, softmax and changes of shape are left.</summary>
internal static class HeadFinder
{
    /// <summary>More operators than any tail has.</summary>
    private const int MaxSteps = 20;

    /// <summary>The value with the scores, without softmax and the choice of the best; <paramref name="output"/> itself where there is neither.</summary>
    public static string Scores(OnnxGraph graph, string output)
    {
        var scores = output;
        var value = output;
        for (var steps = 0; steps < MaxSteps && graph.Producer(value) is { Domain: "" } node; steps++)
        {
            switch (node.OpType)
            {
                case "Softmax" or "LogSoftmax" or "ArgMax" or "Sigmoid":
                    scores = value = node.Input[0];
                    break;
                case "Identity" or "Cast" or "Flatten" or "Reshape" or "Squeeze" or "Unsqueeze":
                    value = node.Input[0];
                    break;
                default:
                    return scores;
            }
        }
        return scores;
    }

    /// <summary>The layer that computes <paramref name="scores"/>; null where it is no linear layer of constants.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="scores">See <see cref="Scores"/>.</param>
    /// <param name="shapes">Shapes of its values.</param>
    public static ModelHead? Find(OnnxGraph graph, string scores, IReadOnlyDictionary<string, long[]> shapes)
    {
        var value = scores;
        for (var steps = 0; steps < MaxSteps && graph.Producer(value) is { Domain: "" } node; steps++)
        {
            switch (node.OpType)
            {
                case "Gemm" when graph.Constant(node.Input[1]) is not null && Int(node, "transA") == 0:
                case "MatMul" when graph.Constant(node.Input[1]) is { Dims.Count: 2 }:
                case "Conv" when IsOfOnePixel(graph, node, shapes):
                    return IsVector(shapes.GetValueOrDefault(node.Input[0])) ? new ModelHead(node.Name, node.OpType, node.Input[0], scores) : null;
                case "Identity" or "Cast" or "Flatten" or "Reshape" or "Squeeze" or "Unsqueeze":
                    value = node.Input[0];
                    break;
                case "Add" or "Mul" or "Div" when node.Input.FirstOrDefault(input => graph.Constant(input) is null) is { } changing
                    && node.Input.Any(input => graph.Constant(input) is not null):   // a bias, a temperature
                    value = changing;
                    break;
                default:
                    return null;
            }
        }
        return null;
    }

    /// <summary>Whether an image has one number for each feature: [N,F], or further extents of 1.</summary>
    public static bool IsVector(long[]? shape) => shape is { Length: >= 2 } && shape.Skip(1).Count(extent => extent != 1) <= 1;

    /// <summary>A convolution of an image of one pixel is a linear layer.</summary>
    private static bool IsOfOnePixel(OnnxGraph graph, NodeProto conv, IReadOnlyDictionary<string, long[]> shapes) =>
        graph.Constant(conv.Input[1]) is { Dims: [_, _, 1, 1] } && Int(conv, "group") is 0 or 1 && shapes.GetValueOrDefault(conv.Input[0]) is [_, _, 1, 1];

    private static long Int(NodeProto node, string name) => node.Attribute.FirstOrDefault(attribute => attribute.Name == name)?.I ?? 0;
}
