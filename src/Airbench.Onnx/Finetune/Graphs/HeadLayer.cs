namespace Airbench.Onnx;

/// <summary>The linear layer that gives the logits, with its gradients; the number of classes is open.</summary>
internal static class HeadLayer
{
    /// <summary>Adds its forward pass; its tensors are in the graph under their own names.</summary>
    public static Differentiable Write(GraphBuilder graph, LinearLayer layer, string x)
    {
        var (weight, bias, scale) = ($"{layer.Name}.weight", $"{layer.Name}.bias", (float)layer.Scale);
        return new Differentiable(ForwardWriter.Linear(graph, layer, x), (gradient, wanted) =>
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
}
