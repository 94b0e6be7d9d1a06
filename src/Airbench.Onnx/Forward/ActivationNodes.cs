namespace Airbench.Onnx;

/// <summary>Non-linearities as nodes, in the forms that ONNX Runtime knows to fuse.</summary>
internal static class ActivationNodes
{
    /// <summary>First opset with the operator Gelu, by default in the exact form.</summary>
    private const int GeluOpset = 20;

    /// <summary>Writes it in operators of <paramref name="opset"/>, 13 or later; returns its output.</summary>
    public static string Write(GraphBuilder graph, ActivationLayer layer, string x, int opset) => layer.Kind switch
    {
        Activation.Gelu when opset >= GeluOpset => graph.Node("Gelu", layer.Name, [x]),
        Activation.Gelu => Gelu(graph, x, layer.Name),
        Activation.Silu => graph.Node("Mul", layer.Name, [x, graph.Node("Sigmoid", $"{layer.Name}/sigmoid", [x])]),
        Activation.Relu => graph.Node("Relu", layer.Name, [x]),
        _ => throw new NotSupportedException($"activation {layer.Kind} has no ONNX form here"),
    };

    /// <summary>x / sqrt 2, erf, + 1, * x, * 0.5: the form that ONNX Runtime fuses into one Gelu node.</summary>
    /// <remarks>ONNX's own Gelu, from opset 20 on, is too late for many servers.</remarks>
    private static string Gelu(GraphBuilder graph, string x, string name)
    {
        var scaled = graph.Node("Div", $"{name}/div", [x, graph.Scalar("gelu.sqrt2", (float)Math.Sqrt(2))]);
        var erf = graph.Node("Erf", $"{name}/erf", [scaled]);
        var gate = graph.Node("Add", $"{name}/add", [erf, graph.Scalar("gelu.one", 1)]);
        var product = graph.Node("Mul", $"{name}/mul", [x, gate]);
        return graph.Node("Mul", name, [product, graph.Scalar("gelu.half", 0.5f)]);
    }
}
