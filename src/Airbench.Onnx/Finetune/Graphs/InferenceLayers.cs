using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Layers as in deployment but unfolded, each a node of its own that reads the network's tensors under their own names: what lies below
/// everything that learns, and the whole of an evaluation graph.
/// </summary>
internal sealed class InferenceLayers(NetworkSpec network, GraphBuilder graph)
{
    /// <summary>Declares input <c>images</c> and returns the normalized pixels, float32 (N, 3, S, S).</summary>
    public string Images()
    {
        var images = graph.Input("images", DataType.Uint8, 3, network.ImageSize, network.ImageSize);
        var pixels = graph.Node("Cast", "pixels", [images], [Attribute.Int("to", (long)DataType.Float)]);
        var mean = graph.Initializer("pixels.mean", [.. network.Mean.Select(mean => (float)(255 * mean))], 3, 1, 1);
        var scale = graph.Initializer("pixels.scale", [.. network.Std.Select(std => (float)(1 / (255 * std)))], 3, 1, 1);
        return graph.Node("Mul", "pixels/normalized", [graph.Node("Sub", "pixels/centred", [pixels, mean]), scale]);
    }

    /// <summary>The whole network: <c>images</c> in, the name of the logits out.</summary>
    public string WriteAll()
    {
        var x = Images();
        var outputs = new Dictionary<string, string>();
        foreach (var (layer, source, _, _) in network.SizedLayers())
        {
            x = Write(layer, source is null ? x : outputs[source], name => outputs[name]);
            outputs.Add(layer.Name, x);
        }
        return x;
    }

    /// <summary>One layer; returns its output.</summary>
    /// <param name="layer">Its tensors must be in the graph.</param>
    /// <param name="x">Its input.</param>
    /// <param name="outputOf">Outputs of earlier layers by layer name.</param>
    public string Write(Layer layer, string x, Func<string, string> outputOf)
    {
        switch (layer)
        {
            case ConvLayer conv:
                return graph.Node("Conv", conv.Name, SharedLayers.ConvInputs(conv, x), SharedLayers.ConvAttributes(conv));
            case BatchNormLayer norm:
                var t = Tensors(norm);
                return graph.Node("BatchNormalization", norm.Name, [x, t.Weight, t.Bias, t.Mean, t.Variance], [Attribute.Float("epsilon", (float)network.BatchNormEpsilon)]);
            case ActivationLayer activation:
                return ActivationNodes.Write(graph, activation, x);
            case MaxPoolLayer pool:
                return graph.Node("MaxPool", pool.Name, [x], SharedLayers.PoolAttributes(pool.Size));
            case AddLayer add:
                return graph.Node("Add", add.Name, [x, outputOf(add.From)]);
            case GlobalMaxPoolLayer:
                return graph.Node("Flatten", layer.Name, [graph.Node("GlobalMaxPool", $"{layer.Name}/max", [x])], [Attribute.Int("axis", 1)]);
            case GlobalAveragePoolLayer:
                return graph.Node("Flatten", layer.Name, [graph.Node("GlobalAveragePool", $"{layer.Name}/mean", [x])], [Attribute.Int("axis", 1)]);
            case LinearLayer linear:
                return SharedLayers.Linear(graph, linear, x).Output;
            default:
                throw new NotSupportedException($"layer {layer.Name} ({layer.GetType().Name}) has no ONNX form here");
        }
    }

    /// <summary>The values of a batch norm's tensors.</summary>
    public NormTensors Tensors(BatchNormLayer norm) => new(graph, norm);
}
