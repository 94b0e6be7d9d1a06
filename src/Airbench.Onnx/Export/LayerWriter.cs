using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Writes the layers of a network as ONNX nodes, in their order and under their names. Input <c>images</c> as <see cref="InputWriter"/> has it;
/// outputs <c>logits</c> and <c>probabilities</c>, float32 [N,K].
/// </summary>
/// <remarks>
/// What is only arithmetic on constants does not become a node: normalization goes into the first convolution, batch norm
/// into the convolution before it, the logit scale into the head.
/// </remarks>
internal sealed class LayerWriter
{
    /// <summary>First opset with the operator Gelu, by default in the exact form.</summary>
    private const int GeluOpset = 20;

    private readonly NetworkSpec _network;
    private readonly NetworkWeights _weights;
    private readonly GraphBuilder _graph;
    private readonly int _opset;
    private readonly InputOptions _input;
    private readonly Dictionary<string, string> _outputs = [];   // layer name -> its value in the graph
    private readonly HashSet<string> _folded = [];               // batch norms that are part of a convolution already

    private LayerWriter(NetworkSpec network, NetworkWeights weights, GraphBuilder graph, int opset, InputOptions input)
    {
        (_opset, _input) = (opset, input);
        _network = network;
        _weights = weights;
        _graph = graph;
    }

    /// <summary>Adds the whole network to <paramref name="graph"/>, in operators of <paramref name="opset"/>.</summary>
    public static void Write(NetworkSpec network, NetworkWeights weights, GraphBuilder graph, int opset, InputOptions input) =>
        new LayerWriter(network, weights, graph, opset, input).Write();

    private void Write()
    {
        var layers = _network.Layers();
        var x = InputWriter.Write(_graph, _network.ImageSize, _input);
        for (var i = 0; i < layers.Count; i++)
        {
            var input = layers[i].Input is { } named ? _outputs[named] : x;
            x = layers[i] switch
            {
                ConvLayer conv => Conv(input, conv, isFirst: i == 0, NormOf(layers, i)),
                BatchNormLayer norm when _folded.Contains(norm.Name) => input,
                ActivationLayer activation => Activate(input, activation),
                MaxPoolLayer pool => MaxPool(input, pool),
                AddLayer add => _graph.Node("Add", add.Name, [input, _outputs[add.From]]),
                GlobalMaxPoolLayer pool => GlobalPool("GlobalMaxPool", "max", input, pool.Name),
                GlobalAveragePoolLayer pool => GlobalPool("GlobalAveragePool", "mean", input, pool.Name),
                LinearLayer head => Linear(input, head),
                var other => throw new NotSupportedException($"layer {other.Name} ({other.GetType().Name}) has no ONNX form here"),
            };
            _outputs.Add(layers[i].Name, x);
        }
        _graph.Output("logits", DataType.Float, _network.ClassCount);
        _graph.Node("Softmax", "probabilities", [x], [Attribute.Int("axis", 1)]);
        _graph.Output("probabilities", DataType.Float, _network.ClassCount);
    }

    /// <summary>
    /// The batch norm that is folded into convolution <paramref name="conv"/>: the layer after it, or, where it cannot turn the order
    /// of values round because it has no learned scale, the one behind the max pool that follows. Null where none is.
    /// </summary>
    private static BatchNormLayer? NormOf(IReadOnlyList<Layer> layers, int conv) => layers.Skip(conv + 1).Take(2).ToArray() switch
    {
        [BatchNormLayer { Input: null } norm, ..] => norm,
        [MaxPoolLayer { Input: null }, BatchNormLayer { Input: null, HasScale: false } norm] => norm,
        _ => null,
    };

    private string Conv(string x, ConvLayer layer, bool isFirst, BatchNormLayer? norm)
    {
        var folded = new FoldedConv(layer, _weights[$"{layer.Name}.weight"], layer.HasBias ? _weights[$"{layer.Name}.bias"] : default);
        if (isFirst)
        {
            x = Normalize(x, layer, folded);
        }
        if (norm is not null)
        {
            _folded.Add(norm.Name);
            folded.FoldBatchNormAfter(
                mean: _weights[$"{norm.Name}.running_mean"],
                variance: _weights[$"{norm.Name}.running_var"],
                scale: norm.HasScale ? _weights[$"{norm.Name}.weight"] : default,
                bias: _weights[$"{norm.Name}.bias"],
                _network.BatchNormEpsilon);
        }
        var weight = Constant($"{layer.Name}.weight", folded.Weight, layer.Out, layer.In, layer.Kernel, layer.Kernel);
        var bias = Constant($"{layer.Name}.bias", folded.Bias, layer.Out);
        var (kernel, pad, stride) = (layer.Kernel, layer.Padding, layer.Stride);
        AttributeProto[] attributes = [Attribute.Ints("kernel_shape", kernel, kernel), Attribute.Ints("pads", pad, pad, pad, pad)];
        if (stride > 1)
        {
            attributes = [.. attributes, Attribute.Ints("strides", stride, stride)];
        }
        return _graph.Node("Conv", layer.Name, [x, weight, bias], attributes);
    }

    /// <summary>Folds (p / 255 - mean) / std into the first convolution; returns what that convolution reads.</summary>
    /// <remarks>
    /// A padded convolution takes p - 255 mean, the one node that remains: its padding, zero after normalization, is zero here too.
    /// </remarks>
    private string Normalize(string pixels, ConvLayer layer, FoldedConv folded)
    {
        folded.FoldScaleBefore([.. _network.Std.Select(std => 1 / (255 * std))]);
        double[] mean = [.. _network.Mean.Select(mean => 255 * mean)];
        if (layer.Padding == 0)
        {
            folded.FoldShiftBefore(mean);
            return pixels;
        }
        return _graph.Node("Sub", "pixels/centred", [pixels, Constant("pixels.mean", Array.ConvertAll(mean, m => (float)m), 3, 1, 1)]);
    }

    private string Activate(string x, ActivationLayer layer) => layer.Kind switch
    {
        Activation.Gelu when _opset >= GeluOpset => _graph.Node("Gelu", layer.Name, [x]),
        _ => ActivationNodes.Write(_graph, layer, x),
    };

    private string MaxPool(string x, MaxPoolLayer layer) =>
        _graph.Node("MaxPool", layer.Name, [x],
            [Attribute.Ints("kernel_shape", layer.Size, layer.Size), Attribute.Ints("strides", layer.Size, layer.Size)]);

    private string GlobalPool(string op, string suffix, string x, string name) =>   // (N, C, H, W) -> (N, C, 1, 1) -> (N, C)
        _graph.Node("Flatten", name, [_graph.Node(op, $"{name}/{suffix}", [x])], [Attribute.Int("axis", 1)]);

    private string Linear(string x, LinearLayer layer)
    {
        string[] inputs = [x, Scaled("weight", layer.Out, layer.In)];
        if (layer.HasBias)
        {
            inputs = [.. inputs, Scaled("bias", layer.Out)];
        }
        return _graph.Node("Gemm", layer.Name, inputs, [Attribute.Int("transB", 1)], output: "logits");

        string Scaled(string tensor, params ReadOnlySpan<long> shape)
        {
            var values = _weights[$"{layer.Name}.{tensor}"].ToArray();
            return Constant($"{layer.Name}.{tensor}", Array.ConvertAll(values, v => (float)(v * layer.Scale)), shape);
        }
    }

    /// <summary>A folded constant; refuses what float32 cannot hold.</summary>
    private string Constant(string name, float[] values, params ReadOnlySpan<long> shape)
    {
        var bad = Array.FindIndex(values, value => !float.IsFinite(value));
        return bad < 0
            ? _graph.Initializer(name, values, shape)
            : throw new InvalidFileException(_weights.Path,
                $"element {bad} of '{name}' leaves float32 once its batch norm or scale is folded into it; " +
                "expected moderate weights and variances: train again");
    }
}
