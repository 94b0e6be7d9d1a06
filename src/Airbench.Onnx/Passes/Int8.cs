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
/// straight from the integer sums. What stands between layers runs on bytes where <see cref="ByteValues"/> says so. GELU has no integer kernel and
/// stays in float between two pairs.
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
    private readonly ByteValues _between;
    private readonly HashSet<string> _names;                        // that a value, a node or a constant has
    private readonly Dictionary<string, Pair> _pairs = [];          // by the value in front of them
    private readonly Dictionary<string, string> _restored = [];     // what a GELU reads instead of the pair's output
    private readonly HashSet<string> _rectified = [];               // outputs of a ReLU or clip that is part of an integer kernel

    private Int8(OnnxGraph source, IReadOnlySet<string> layers, IReadOnlyDictionary<string, ValueRange> ranges)
    {
        (_source, _layers, _ranges, _graph) = (new QuantizableLayers(source), layers, ranges, source.WithoutNodes());
        _between = new ByteValues(_source, layers);
        _names = [.. source.Nodes.Select(node => node.Name), .. source.Nodes.SelectMany(node => node.Output), .. source.Constants.Select(tensor => tensor.Name)];
    }

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
        pass._graph.Model.MetadataProps.Add(new StringStringEntryProto { Key = ChannelWeights.ExactKey, Value = "true" });
        return pass._graph;
    }

    private void Add(NodeProto node)
    {
        if (QuantizableLayers.IsLayer(node) && _layers.Contains(node.Name))
        {
            AddLayer(node);
            return;
        }
        var (moves, ownRange) = (_between.Moves(node), _between.OwnRange(node));
        foreach (var input in moves ? [node.Input[0]] : ownRange is null ? [] : node.Input)
        {
            PairOf(input);
        }
        var copy = node.Clone();
        for (var i = 0; i < copy.Input.Count; i++)
        {
            copy.Input[i] = moves || ownRange is not null ? _pairs.GetValueOrDefault(copy.Input[i])?.Dequantized ?? copy.Input[i] : Float(copy.Input[i]);
        }
        _graph.Add(copy);
        if (moves && _pairs.TryGetValue(node.Input[0], out var moved))
        {
            AddPair(node.Output[0], moved.Parameters, moved.ScaleName, moved.ZeroPointName);   // the maximum of bytes, say, is one of them
        }
        else if (ownRange is not null)
        {
            PairBehind(node, ownRange);
        }
        else if (_rectified.Contains(node.Output[0]))
        {
            PairOf(node.Output[0]);
        }
    }

    private void AddLayer(NodeProto node)
    {
        var input = PairOf(node.Input[0]);
        var layer = LayerWeights.Of(_source.Graph, node);
        var values = ChannelWeights.Quantize(layer.Weight, layer.IntegerBias, layer.Channels, input.Parameters.Scale, places: (int)Extents.Elements(layer.Shape.Skip(2)));
        var (weights, axis) = layer.Arranged(values.Weights);

        var copy = node.Clone();
        LayerWeights.MakePlain(copy);
        copy.Input[0] = input.Dequantized;
        copy.Input[1] = Dequantize(node.Input[1], layer.Shape, DataType.Int8, weights, values.Scales, axis);
        if (node.OpType == "Gemm" && QuantizableLayers.Bias(node) is { } summand)
        {
            AddProductAndBias(copy, layer.Summand is { } scaled ? Constant(Tensors.Create<float>(Fresh($"{summand}/scaled"), DataType.Float, scaled.Values, scaled.Shape)) : Float(summand));
        }
        else
        {
            if (QuantizableLayers.Bias(node) is { } bias)
            {
                copy.Input[2] = Dequantize(bias, [layer.Channels], DataType.Int32, values.Bias, values.BiasScales, axis: 0);
            }
            _graph.Add(copy);
        }
        if (_source.QuantizedOutput(node) is { } output)
        {
            PairBehind(node, output);
        }
    }

    /// <summary>The pair at a node's output, or behind the ReLU that follows once that is written.</summary>
    private void PairBehind(NodeProto node, string output)
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

    /// <summary>
    /// A linear layer whose bias is added behind it, in float. As a third input it would be integers that are dequantized, and OpenCV takes those for
    /// a column: it reads beyond their end.
    /// </summary>
    private void AddProductAndBias(NodeProto gemm, string bias)
    {
        var output = gemm.Output[0];
        gemm.Output[0] = Fresh($"{gemm.Name}/product");
        gemm.Input.RemoveAt(2);
        _graph.Add(gemm);
        _graph.Add(new NodeProto { Name = Fresh($"{gemm.Name}/sum"), OpType = "Add", Input = { gemm.Output[0], bias }, Output = { output } });
    }

    /// <summary>A constant in integers and the node that makes floats of it, a scale for each index of <paramref name="axis"/>.</summary>
    private string Dequantize<T>(string name, long[] shape, DataType type, T[] values, float[] scales, int axis) where T : unmanaged
    {
        var quantized = Constant(Tensors.Create<T>(Fresh($"{name}/quantized"), type, values, shape));
        var scale = Constant(Tensors.Create<float>(Fresh($"{name}/scale"), DataType.Float, scales, scales.Length));
        // The zero point, 0, may be left out, and for int32 must be; ONNX Runtime's kernels look for one with the weights.
        string[] inputs = type == DataType.Int8
            ? [quantized, scale, Constant(Tensors.Create<sbyte>(Fresh($"{name}/zero_point"), type, new sbyte[scales.Length], scales.Length))]
            : [quantized, scale];
        return Node("DequantizeLinear", $"{name}/dequantized", inputs, Attribute.Int("axis", axis));
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
        var scale = Constant(Tensors.Create<float>(Fresh($"{value}/half_scale"), DataType.Float, [pair.Parameters.Scale / 2]));
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
        (Constant(Tensors.Create<float>(Fresh($"{value}/scale"), DataType.Float, [parameters.Scale])),
         Constant(Tensors.Create<byte>(Fresh($"{value}/zero_point"), DataType.Uint8, [parameters.ZeroPoint])));

    private string Constant(TensorProto tensor)
    {
        _graph.AddConstant(tensor);
        return tensor.Name;
    }

    private string Node(string op, string name, string[] inputs, params AttributeProto[] attributes)
    {
        var fresh = Fresh(name);
        _graph.Add(new NodeProto { Name = fresh, OpType = op, Input = { inputs }, Output = { fresh }, Attribute = { attributes } });
        return fresh;
    }

    /// <summary>This name, or this one with a number where the model or another layer of the same weights has it.</summary>
    private string Fresh(string name)
    {
        var fresh = name;
        for (var i = 2; !_names.Add(fresh); i++)
        {
            fresh = FormattableString.Invariant($"{name}.{i}");
        }
        return fresh;
    }

    /// <summary>A value in 8 bits, the float value that others read, and its parameters.</summary>
    private sealed record Pair(string Quantized, string Dequantized, Affine Parameters, string ScaleName, string ZeroPointName);
}
