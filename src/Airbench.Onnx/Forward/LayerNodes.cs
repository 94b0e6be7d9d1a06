using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>Layers as the nodes of the ONNX standard that compute them; each returns its output.</summary>
internal static class LayerNodes
{
    /// <summary>Convolution.</summary>
    public static string Convolve(GraphBuilder graph, ConvLayer layer, string x)
    {
        string[] inputs = layer.HasBias ? [x, $"{layer.Name}.weight", $"{layer.Name}.bias"] : [x, $"{layer.Name}.weight"];
        return graph.Node("Conv", layer.Name, inputs, ConvAttributes(layer));
    }

    /// <summary>Attributes of a convolution, also of its gradient.</summary>
    public static AttributeProto[] ConvAttributes(ConvLayer layer)
    {
        var (kernel, pad, stride) = (layer.Kernel, layer.Padding, layer.Stride);
        return
        [
            Attribute.Ints("kernel_shape", kernel, kernel), Attribute.Ints("pads", pad, pad, pad, pad), Attribute.Ints("strides", stride, stride),
        ];
    }

    /// <summary>Batch norm with its running statistics.</summary>
    public static string Normalize(GraphBuilder graph, BatchNormLayer layer, string x, double epsilon)
    {
        var tensors = NormTensors.Of(layer);
        return graph.Node(
            "BatchNormalization", layer.Name, [x, tensors.Weight ?? graph.Ones(layer.Channels), tensors.Bias, tensors.Mean, tensors.Variance],
            [Attribute.Float("epsilon", (float)epsilon)]);
    }

    /// <summary>Attributes of a max pool over squares side by side.</summary>
    public static AttributeProto[] PoolAttributes(int size) => [Attribute.Ints("kernel_shape", size, size), Attribute.Ints("strides", size, size)];

    /// <summary>(N, C, 1, 1) -> (N, C).</summary>
    public static string Flatten(GraphBuilder graph, string name, string pooled) => graph.Node("Flatten", name, [pooled], [Attribute.Int("axis", 1)]);

    /// <summary>Mean over all positions.</summary>
    public static string GlobalAverage(GraphBuilder graph, GlobalAveragePoolLayer layer, string x) =>
        Flatten(graph, layer.Name, graph.Node("GlobalAveragePool", $"{layer.Name}/mean", [x]));

    /// <summary>(x W^T + b) * scale, one node.</summary>
    public static string Linear(GraphBuilder graph, LinearLayer layer, string x)
    {
        var (weight, bias, scale) = ($"{layer.Name}.weight", $"{layer.Name}.bias", (float)layer.Scale);
        return graph.Node(
            "Gemm", layer.Name, layer.HasBias ? [x, weight, bias] : [x, weight],
            [Attribute.Int("transB", 1), Attribute.Float("alpha", scale), Attribute.Float("beta", scale)], output: "logits");
    }
}
