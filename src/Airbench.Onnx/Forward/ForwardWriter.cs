using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>
/// Writes the layers of a network as in deployment but unfolded, each a node of its own: where an export starts from, the whole of an evaluation
/// graph, and what a training step differentiates. The one place of the ONNX side that tells the kinds of layers apart.
/// </summary>
/// <remarks>Nodes and values are named after the layer, and its tensors are in the graph under their own names. All values are float32 and NCHW.</remarks>
internal static class ForwardWriter
{
    /// <summary>Adds the whole network: input <c>images</c>, its layers, and the value <c>logits</c>, float32 (N, K), which it returns.</summary>
    /// <param name="graph">Where to.</param>
    /// <param name="network">The network.</param>
    /// <param name="opset">Whose operators it may use.</param>
    /// <param name="input">What the images are like.</param>
    /// <param name="declare">Adds the tensors of a layer just before its nodes; null where all are in the graph already.</param>
    public static string Write(GraphBuilder graph, NetworkSpec network, int opset, InputOptions input, Action<Layer>? declare = null) =>
        Write(graph, network, network.SizedLayers(), opset, input, declare);

    /// <summary>Adds all below the head; returns what the head reads, float32 (N, F).</summary>
    /// <inheritdoc cref="Write(GraphBuilder, NetworkSpec, int, InputOptions, Action{Layer}?)"/>
    public static string WriteFeatures(GraphBuilder graph, NetworkSpec network, int opset, InputOptions input, Action<Layer>? declare = null) =>
        Write(graph, network, network.SizedLayers().TakeWhile(sized => sized.Layer.Role != LayerRole.Head), opset, input, declare);

    /// <summary>(x W^T + b) * scale, one node; names its output <c>logits</c>.</summary>
    public static string Linear(GraphBuilder graph, LinearLayer layer, string x)
    {
        var (weight, bias, scale) = ($"{layer.Name}.weight", $"{layer.Name}.bias", (float)layer.Scale);
        return graph.Node(
            "Gemm", layer.Name, layer.HasBias ? [x, weight, bias] : [x, weight],
            [Attribute.Int("transB", 1), Attribute.Float("alpha", scale), Attribute.Float("beta", scale)], output: "logits");
    }

    private static string Write(GraphBuilder graph, NetworkSpec network, IEnumerable<SizedLayer> layers, int opset, InputOptions input, Action<Layer>? declare)
    {
        var images = InputWriter.WriteNormalized(graph, network, input);
        var outputs = new Dictionary<string, string>();
        var last = images;
        foreach (var (layer, source, _, _) in layers)
        {
            declare?.Invoke(layer);
            last = Write(layer, source is null ? images : outputs[source]);
            outputs.Add(layer.Name, last);
        }
        return last;

        string Write(Layer layer, string x) => layer switch
        {
            ConvLayer conv => graph.Node("Conv", conv.Name,
                conv.HasBias ? [x, $"{conv.Name}.weight", $"{conv.Name}.bias"] : [x, $"{conv.Name}.weight"], ConvAttributes(conv)),
            BatchNormLayer norm => graph.Node("BatchNormalization", norm.Name,
                [
                    x, norm.HasScale ? $"{norm.Name}.weight" : graph.Ones(norm.Channels), $"{norm.Name}.bias", $"{norm.Name}.running_mean", $"{norm.Name}.running_var",
                ],
                [Attribute.Float("epsilon", (float)network.BatchNormEpsilon)]),
            ActivationLayer activation => ActivationNodes.Write(graph, activation, x, opset),
            MaxPoolLayer { Size: var size } => graph.Node("MaxPool", layer.Name, [x], [Attribute.Ints("kernel_shape", size, size), Attribute.Ints("strides", size, size)]),
            AddLayer add => graph.Node("Add", add.Name, [x, outputs[add.From]]),
            GlobalMaxPoolLayer => Flatten(layer.Name, graph.Node("GlobalMaxPool", $"{layer.Name}/max", [x])),
            GlobalAveragePoolLayer => Flatten(layer.Name, graph.Node("GlobalAveragePool", $"{layer.Name}/mean", [x])),
            LinearLayer linear => Linear(graph, linear, x),
            _ => throw new NotSupportedException($"layer {layer.Name} ({layer.GetType().Name}) has no ONNX form here"),
        };

        string Flatten(string name, string pooled) => graph.Node("Flatten", name, [pooled], [Attribute.Int("axis", 1)]);   // (N, C, 1, 1) -> (N, C)
    }

    private static AttributeProto[] ConvAttributes(ConvLayer layer)
    {
        var (kernel, pad, stride) = (layer.Kernel, layer.Padding, layer.Stride);
        return
        [
            Attribute.Ints("kernel_shape", kernel, kernel), Attribute.Ints("pads", pad, pad, pad, pad), Attribute.Ints("strides", stride, stride),
        ];
    }
}
