namespace Airbench.Onnx;

/// <summary>
/// Layers as in deployment but unfolded, each a node of its own: what lies below everything that learns, the whole of an evaluation graph, and
/// where an export starts from.
/// </summary>
/// <param name="graph">Where they are written.</param>
/// <param name="network">The network.</param>
/// <param name="opset">Whose operators they may use.</param>
internal sealed class InferenceOperators(GraphBuilder graph, NetworkSpec network, int opset) : ILayerOperators
{
    /// <summary>Adds the whole network: input <c>images</c>, its layers, and the value <c>logits</c>, float32 (N, K), which it returns.</summary>
    /// <param name="graph">Where to.</param>
    /// <param name="network">The network.</param>
    /// <param name="opset">Whose operators it may use.</param>
    /// <param name="input">What the images are like.</param>
    /// <param name="declare">Adds the tensors of a layer just before its nodes; null where all are in the graph already.</param>
    public static string WriteNetwork(GraphBuilder graph, NetworkSpec network, int opset, InputOptions input, Action<Layer>? declare = null)
    {
        var images = InputWriter.WriteNormalized(graph, network, input);
        var operators = new InferenceOperators(graph, network, opset);
        return ForwardWriter.Write(network, images, layer =>
        {
            declare?.Invoke(layer);
            return operators;
        })[^1].Result.Output;
    }

    /// <inheritdoc/>
    public Differentiable Convolve(ConvLayer layer, string x, Plane input, Plane output) => new(LayerNodes.Convolve(graph, layer, x));

    /// <inheritdoc/>
    public Differentiable Normalize(BatchNormLayer layer, string x, Plane plane) => new(LayerNodes.Normalize(graph, layer, x, network.BatchNormEpsilon));

    /// <inheritdoc/>
    public Differentiable Activate(ActivationLayer layer, string x) => new(ActivationNodes.Write(graph, layer, x, opset));

    /// <inheritdoc/>
    public Differentiable MaxPool(MaxPoolLayer layer, string x, Plane input, Plane output) =>
        new(graph.Node("MaxPool", layer.Name, [x], LayerNodes.PoolAttributes(layer.Size)));

    /// <inheritdoc/>
    public Differentiable Add(AddLayer layer, string x, string other) => new(graph.Node("Add", layer.Name, [x, other]));

    /// <inheritdoc/>
    public Differentiable GlobalMax(GlobalMaxPoolLayer layer, string x, Plane input, Plane output) =>
        new(LayerNodes.Flatten(graph, layer.Name, graph.Node("GlobalMaxPool", $"{layer.Name}/max", [x])));

    /// <inheritdoc/>
    public Differentiable GlobalAverage(GlobalAveragePoolLayer layer, string x, Plane input) => new(LayerNodes.GlobalAverage(graph, layer, x));

    /// <inheritdoc/>
    public Differentiable Linear(LinearLayer layer, string x) => new(LayerNodes.Linear(graph, layer, x));
}
