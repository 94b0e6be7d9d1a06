namespace Airbench.Onnx;

/// <summary>
/// Writes the forward pass of a network, layer by layer in their order: the one place of the ONNX side that tells the kinds of layers apart.
/// </summary>
internal static class ForwardWriter
{
    /// <summary>Adds all layers.</summary>
    /// <param name="network">The network.</param>
    /// <param name="images">Value with its normalized images, (N, 3, S, S).</param>
    /// <param name="operatorsOf">Who writes a layer's nodes; asked layer by layer, just before.</param>
    public static IReadOnlyList<WrittenLayer> Write(NetworkSpec network, string images, Func<Layer, ILayerOperators> operatorsOf)
    {
        var written = new List<WrittenLayer>();
        var outputs = new Dictionary<string, string>();
        foreach (var sized in network.SizedLayers())
        {
            var x = sized.Source is { } source ? outputs[source] : images;
            var result = Write(sized, x, outputs, operatorsOf(sized.Layer));
            outputs.Add(sized.Layer.Name, result.Output);
            written.Add(new WrittenLayer(sized.Layer, sized.Source, result));
        }
        return written;
    }

    private static Differentiable Write(SizedLayer sized, string x, Dictionary<string, string> outputs, ILayerOperators operators)
    {
        var (layer, _, input, output) = sized;
        return layer switch
        {
            ConvLayer conv => operators.Convolve(conv, x, input, output),
            BatchNormLayer norm => operators.Normalize(norm, x, input),
            ActivationLayer activation => operators.Activate(activation, x),
            MaxPoolLayer pool => operators.MaxPool(pool, x, input, output),
            AddLayer add => operators.Add(add, x, outputs[add.From]),
            GlobalMaxPoolLayer pool => operators.GlobalMax(pool, x, input, output),
            GlobalAveragePoolLayer pool => operators.GlobalAverage(pool, x, input),
            LinearLayer linear => operators.Linear(linear, x),
            _ => throw new NotSupportedException($"layer {layer.Name} ({layer.GetType().Name}) has no ONNX form here"),
        };
    }
}
