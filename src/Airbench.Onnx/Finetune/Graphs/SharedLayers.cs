using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>Layers whose two passes are the same standard operators in every back end.</summary>
internal static class SharedLayers
{
    /// <summary>The sum of two values; the gradient passes to both unchanged.</summary>
    public static Differentiable Add(GraphBuilder graph, AddLayer layer, string x, string other) =>
        new(graph.Node("Add", layer.Name, [x, other]), (gradient, _) => new Gradients(gradient));

    /// <summary>(N, C, 1, 1) -> (N, C) behind <paramref name="pooled"/>.</summary>
    public static Differentiable Flatten(GraphBuilder graph, string name, Differentiable pooled) => new(
        graph.Node("Flatten", name, [pooled.Output], [Attribute.Int("axis", 1)]),
        (gradient, wanted) => pooled.Backward(graph.Node("Unsqueeze", $"{name}/grad/unsqueezed", [gradient, graph.Integers(2, 3)]), wanted));

    /// <summary>The mean over all positions; each gets its share of the gradient.</summary>
    public static Differentiable GlobalAverage(GraphBuilder graph, GlobalAveragePoolLayer layer, string x, Plane plane) => new(
        graph.Node("Flatten", layer.Name, [graph.Node("GlobalAveragePool", $"{layer.Name}/mean", [x])], [Attribute.Int("axis", 1)]),
        (gradient, _) =>
        {
            var positions = plane.Height * plane.Width;
            var name = $"{layer.Name}/grad";
            var share = graph.Node("Div", $"{name}/share", [gradient, graph.Scalar($"{layer.Name}.positions", positions)]);
            var unsqueezed = graph.Node("Unsqueeze", $"{name}/unsqueezed", [share, graph.Integers(2, 3)]);
            return new Gradients(graph.Node("Expand", name, [unsqueezed, graph.Integers(1, 1, plane.Height, plane.Width)]));
        });

    /// <summary>(x W^T + b) * scale, one node.</summary>
    public static Differentiable Linear(GraphBuilder graph, LinearLayer layer, string x)
    {
        var (weight, bias, scale) = ($"{layer.Name}.weight", $"{layer.Name}.bias", (float)layer.Scale);
        var output = graph.Node(
            "Gemm", layer.Name, layer.HasBias ? [x, weight, bias] : [x, weight],
            [Attribute.Int("transB", 1), Attribute.Float("alpha", scale), Attribute.Float("beta", scale)], output: "logits");
        return new Differentiable(output, (gradient, wanted) =>
        {
            var (dx, dw, db) = ((string?)null, (string?)null, (string?)null);
            if (wanted.Input)
            {
                dx = graph.Node("Gemm", $"{layer.Name}/grad", [gradient, weight], [Attribute.Float("alpha", scale)]);
            }
            if (wanted.Parameters)
            {
                dw = graph.Node("Gemm", $"{weight}/grad", [gradient, x], [Attribute.Int("transA", 1), Attribute.Float("alpha", scale)]);
                if (layer.HasBias)
                {
                    var sum = graph.Node("ReduceSum", $"{bias}/grad/sum", [gradient, graph.Integers(0)], [Attribute.Int("keepdims", 0)]);
                    db = graph.Node("Mul", $"{bias}/grad", [sum, graph.Scalar($"{layer.Name}.scale", scale)]);
                }
            }
            return new Gradients(dx, dw, db);
        });
    }

    /// <summary>Inputs of a convolution node: its tensors under their own names.</summary>
    public static string[] ConvInputs(ConvLayer layer, string x) =>
        layer.HasBias ? [x, $"{layer.Name}.weight", $"{layer.Name}.bias"] : [x, $"{layer.Name}.weight"];

    /// <summary>Attributes of a convolution, also of its gradient.</summary>
    public static AttributeProto[] ConvAttributes(ConvLayer layer)
    {
        var (kernel, pad, stride) = (layer.Kernel, layer.Padding, layer.Stride);
        return
        [
            Attribute.Ints("kernel_shape", kernel, kernel), Attribute.Ints("pads", pad, pad, pad, pad), Attribute.Ints("strides", stride, stride),
        ];
    }

    /// <summary>Attributes of a max pool over squares side by side.</summary>
    public static AttributeProto[] PoolAttributes(int size) => [Attribute.Ints("kernel_shape", size, size), Attribute.Ints("strides", size, size)];
}
