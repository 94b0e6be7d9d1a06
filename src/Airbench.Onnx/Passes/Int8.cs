using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Turns a float32 model into an int8 one in QDQ form: every operator stays what it was, with QuantizeLinear and DequantizeLinear pairs
/// around those that are to run on integers. ONNX Runtime fuses the pairs into integer kernels; a runtime without them
/// computes the same in float.
/// </summary>
/// <remarks>
/// What fuses, as ONNX Runtime's kernels want it: a convolution between pairs becomes QLinearConv, a ReLU before the pair at its output
/// part of it; a max pool between pairs of equal scale runs on bytes; a linear layer without a pair at its output gives float logits
/// straight from the integer sums. GELU has no integer kernel and stays in float between two pairs.
/// The first convolution's pair is exact, as pixels are whole numbers from 0 to 255. It stands behind their cast to float and not on the bytes
/// that a model is given, though those are the same numbers: OpenCV takes every zero point of 8 bits for a signed one, less 128. That is
/// consistent where it quantizes itself, and wrong for bytes that come from outside.
/// </remarks>
internal sealed class Int8
{
    private const string OneHalf = "restore.half";

    private readonly QuantizableLayers _source;
    private readonly IReadOnlySet<string> _layers;
    private readonly IReadOnlyDictionary<string, ValueRange> _ranges;
    private readonly OnnxGraph _graph;
    private readonly Dictionary<string, Pair> _pairs = [];          // by the value in front of them
    private readonly Dictionary<string, string> _restored = [];     // what a GELU reads instead of the pair's output
    private readonly HashSet<string> _rectified = [];               // ReLU outputs that leave a quantized convolution

    private Int8(OnnxGraph source, IReadOnlySet<string> layers, IReadOnlyDictionary<string, ValueRange> ranges) =>
        (_source, _layers, _ranges, _graph) = (new QuantizableLayers(source), layers, ranges, source.WithoutNodes());

    /// <summary>The graph with <paramref name="layers"/> on integers.</summary>
    /// <param name="source">A float32 model.</param>
    /// <param name="layers">Names from <see cref="QuantizableLayers.Names"/>.</param>
    /// <param name="ranges">Those of <see cref="QuantizableLayers.ObservedValues"/>.</param>
    public static OnnxGraph Apply(OnnxGraph source, IReadOnlySet<string> layers, IReadOnlyDictionary<string, ValueRange> ranges)
    {
        var pass = new Int8(source, layers, ranges);
        foreach (var node in source.Nodes)
        {
            pass.Add(node);
        }
        pass._graph.RemoveUnused();   // constants that were replaced
        return pass._graph;
    }

    private void Add(NodeProto node)
    {
        if (QuantizableLayers.IsLayer(node) && _layers.Contains(node.Name))
        {
            AddLayer(node);
            return;
        }
        var copy = node.Clone();
        for (var i = 0; i < copy.Input.Count; i++)
        {
            copy.Input[i] = Float(copy.Input[i]);
        }
        _graph.Add(copy);
        if (node.OpType == "MaxPool" && _pairs.TryGetValue(node.Input[0], out var pooled))
        {
            AddPair(node.Output[0], pooled.Parameters, pooled.ScaleName, pooled.ZeroPointName);   // the maximum of bytes is one of them
        }
        else if (_rectified.Contains(node.Output[0]))
        {
            PairOf(node.Output[0]);
        }
    }

    private void AddLayer(NodeProto node)
    {
        var input = PairOf(node.Input[0]);
        var weight = _source.Graph.Constant(node.Input[1])!;
        float[] bias = node.Input.Count > 2 ? Tensors.Floats(_source.Graph.Constant(node.Input[2])!) : [];
        var channels = (int)weight.Dims[0];
        var values = ChannelWeights.Quantize(Tensors.Floats(weight), bias, channels, input.Parameters.Scale);

        var copy = node.Clone();
        copy.Input[0] = input.Dequantized;
        copy.Input[1] = Dequantize(weight.Name, [.. weight.Dims], DataType.Int8, values.Weights, values.Scales);
        if (node.OpType == "Gemm" && bias.Length > 0)
        {
            AddProductAndBias(copy);
        }
        else
        {
            if (bias.Length > 0)
            {
                copy.Input[2] = Dequantize(node.Input[2], [channels], DataType.Int32, values.Bias, values.BiasScales);
            }
            _graph.Add(copy);
        }
        if (_source.QuantizedOutput(node) is { } output)
        {
            if (output == node.Output[0])
            {
                PairOf(output);
            }
            else
            {
                _rectified.Add(output);
            }
        }
    }

    /// <summary>
    /// A linear layer whose bias is added behind it, in float. As a third input it would be integers that are dequantized, and OpenCV takes those for
    /// a column: it reads beyond their end.
    /// </summary>
    private void AddProductAndBias(NodeProto gemm)
    {
        var (output, bias) = (gemm.Output[0], gemm.Input[2]);
        gemm.Output[0] = $"{gemm.Name}/product";
        gemm.Input.RemoveAt(2);
        _graph.Add(gemm);
        _graph.Add(new NodeProto { Name = $"{gemm.Name}/sum", OpType = "Add", Input = { gemm.Output[0], bias }, Output = { output } });
    }

    /// <summary>A constant in integers and the node that makes floats of it, a scale for each index of its first axis.</summary>
    private string Dequantize<T>(string name, long[] shape, DataType type, T[] values, float[] scales) where T : unmanaged
    {
        var quantized = Constant(Tensors.Create<T>($"{name}/quantized", type, values, shape));
        var scale = Constant(Tensors.Create<float>($"{name}/scale", DataType.Float, scales, scales.Length));
        // The zero point, 0, may be left out, and for int32 must be; ONNX Runtime's kernels look for one with the weights.
        string[] inputs = type == DataType.Int8
            ? [quantized, scale, Constant(Tensors.Create<sbyte>($"{name}/zero_point", type, new sbyte[scales.Length], scales.Length))]
            : [quantized, scale];
        return Node("DequantizeLinear", $"{name}/dequantized", inputs, Attribute.Int("axis", 0));
    }

    /// <summary>What a node that stays in float reads for <paramref name="value"/>: the pair's output where there is a pair.</summary>
    /// <remarks>
    /// ONNX Runtime doubles a DequantizeLinear that two nodes read and then no longer sees the GELU that starts from both of them, at a
    /// fifth of the whole model's speed. So a GELU reads one value instead: dequantized at half scale, then divided by a half, which changes no bit.
    /// (A factor of 2 would not do: a Mul in front of a GELU is taken for part of another pattern.)
    /// </remarks>
    private string Float(string value)
    {
        if (!_pairs.TryGetValue(value, out var pair) || !_source.StartsGelu(value))
        {
            return pair?.Dequantized ?? value;
        }
        if (_restored.TryGetValue(value, out var restored))
        {
            return restored;
        }
        if (_restored.Count == 0)
        {
            Constant(Tensors.Create<float>(OneHalf, DataType.Float, [0.5f]));
        }
        var scale = Constant(Tensors.Create<float>($"{value}/half_scale", DataType.Float, [pair.Parameters.Scale / 2]));
        var half = Node("DequantizeLinear", $"{value}/half", [pair.Quantized, scale, pair.ZeroPointName]);
        return _restored[value] = Node("Div", $"{value}/restored", [half, OneHalf]);
    }

    /// <summary>The pair behind <paramref name="value"/>, added on the first call.</summary>
    private Pair PairOf(string value)
    {
        if (_pairs.TryGetValue(value, out var pair))
        {
            return pair;
        }
        var parameters = QuantizableLayers.IsPixels(value) ? Affine.Pixels : Affine.Of(_ranges[value]);
        var names = Parameters(value, parameters);
        return AddPair(value, parameters, names.Scale, names.ZeroPoint);
    }

    private Pair AddPair(string value, Affine parameters, string scale, string zeroPoint)
    {
        var quantized = Node("QuantizeLinear", $"{value}/quantized", [value, scale, zeroPoint]);
        var dequantized = Node("DequantizeLinear", $"{value}/dequantized", [quantized, scale, zeroPoint]);
        return _pairs[value] = new Pair(quantized, dequantized, parameters, scale, zeroPoint);
    }

    private (string Scale, string ZeroPoint) Parameters(string value, Affine parameters) =>
        (Constant(Tensors.Create<float>($"{value}/scale", DataType.Float, [parameters.Scale])),
         Constant(Tensors.Create<byte>($"{value}/zero_point", DataType.Uint8, [parameters.ZeroPoint])));

    private string Constant(TensorProto tensor)
    {
        _graph.AddConstant(tensor);
        return tensor.Name;
    }

    private string Node(string op, string name, string[] inputs, params AttributeProto[] attributes)
    {
        _graph.Add(new NodeProto { Name = name, OpType = op, Input = { inputs }, Output = { name }, Attribute = { attributes } });
        return name;
    }

    /// <summary>A value in 8 bits, the float value that others read, and its parameters.</summary>
    private sealed record Pair(string Quantized, string Dequantized, Affine Parameters, string ScaleName, string ZeroPointName);
}
