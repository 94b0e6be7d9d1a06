using System.Globalization;
using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Writes a <see cref="PixelMap"/> between <c>pixels</c> and a network. The order of the colours and the factors go into the first convolution, where
/// one alone reads the values; what is added goes into its bias if it pads nothing, else it is one Sub, as zeros around x - mean are not zeros around x.
/// </summary>
internal sealed class PixelFront
{
    private readonly OnnxGraph _graph;
    private readonly PixelMap _map;
    private readonly int _size;
    private readonly List<NodeProto> _nodes = [];

    private PixelFront(OnnxGraph graph, PixelMap map, int size) => (_graph, _map, _size) = (graph, map, size);

    /// <summary>Lets what reads <paramref name="value"/> read pixels; returns what was done, for people.</summary>
    /// <param name="graph">The graph. Its input is another one still, which is dropped.</param>
    /// <param name="value">What the map gives.</param>
    /// <param name="map">The map.</param>
    /// <param name="size">Height and width, pixels.</param>
    public static string Write(OnnxGraph graph, string value, PixelMap map, int size)
    {
        var front = new PixelFront(graph, map, size);
        var conv = !graph.IsOutput(value) && map is { Layout: PixelLayout.Nchw, IsBytes: false } && graph.Readers(value) is [var reader] && IsPlain(graph, reader, value)
            ? reader
            : null;
        if (conv is not null)
        {
            front.Fold(conv);
        }
        else
        {
            graph.ReplaceReads(value, front.Write());
        }
        graph.Insert(front._nodes);
        graph.Model.Graph.Input.Clear();
        graph.Model.Graph.Input.Add(GraphBuilder.Declare(InputWriter.Pixels, DataType.Float, [GraphBuilder.Batch, "3", $"{size}", $"{size}"]));
        graph.RemoveUnused();
        return front.Describe(conv);
    }

    private string Describe(NodeProto? conv)
    {
        var order = _map.Colour.SequenceEqual([0, 1, 2]) ? "as they are" : $"in the order {string.Concat(_map.Colour.Select(colour => "RGB"[colour]))}";
        var factor = Array.TrueForAll(_map.Scale, scale => scale == 1) ? ""
            : $", times {string.Join(" ", _map.Scale.Select(scale => scale.ToString("g6", CultureInfo.InvariantCulture)).Distinct())}";
        var shift = _map.IsUnshifted ? "" : _map.IsUniform ? ", less a mean of each channel" : ", less a mean image";
        var isNothing = order == "as they are" && factor.Length == 0 && _map.IsUnshifted;
        var place = isNothing && _nodes.Count == 0 ? ""
            : conv is null ? _nodes.Count == 0 ? "" : $"; {Counted.Of(_nodes.Count, "node")} in front of the network"
            : _nodes.Count == 0 ? $"; folded into {PlainGraph.Show(conv)}"
            : $"; a Sub in front of the network, the rest folded into {PlainGraph.Show(conv)}";
        return $"pixels {order}{factor}{shift}{place}";
    }

    private static bool IsPlain(OnnxGraph graph, NodeProto node, string value) =>
        node is { OpType: "Conv", Domain: "" } && node.Input[0] == value && (node.Attribute.FirstOrDefault(attribute => attribute.Name == "group")?.I ?? 1) == 1
        && graph.Constant(node.Input[1]) is { Dims: [_, 3, _, _], DataType: (int)DataType.Float } weight && graph.Readers(weight.Name).Count == 1
        && (node.Input.Count < 3 || node.Input[2].Length == 0 || (graph.Constant(node.Input[2]) is { } bias && graph.Readers(bias.Name).Count == 1));

    private static bool Pads(NodeProto conv) => conv.Attribute.Any(attribute =>
        (attribute.Name == "pads" && attribute.Ints.Any(pad => pad != 0)) || (attribute.Name == "auto_pad" && attribute.S.ToStringUtf8().StartsWith("SAME", StringComparison.Ordinal)));

    private void Fold(NodeProto conv)
    {
        var weight = _graph.Constant(conv.Input[1])!;
        var bias = conv.Input.Count > 2 && conv.Input[2].Length > 0 ? _graph.Constant(conv.Input[2]) : null;
        var folded = new FoldedConv(Tensors.Floats(weight), bias is null ? default : Tensors.Floats(bias), (int)weight.Dims[0], 3);
        folded.FoldScaleBefore(_map.Scale);
        if (_map.IsUniform && !_map.IsUnshifted && !Pads(conv))
        {
            folded.FoldShiftBefore([.. _map.Shift.Select((shift, channel) => -shift[0] / _map.Scale[channel])]);
            bias ??= AddBias(conv, weight);
            bias.RawData = Tensors.Create<float>("", DataType.Float, folded.Bias).RawData;
            _graph.SetInput(conv, 0, InputWriter.Pixels);
        }
        else
        {
            _graph.SetInput(conv, 0, _map.IsUnshifted ? InputWriter.Pixels : Subtract());
        }
        var (values, plane) = (folded.Weight, folded.Weight.Length / ((int)weight.Dims[0] * 3));
        var permuted = new float[values.Length];
        for (var i = 0; i < values.Length; i += plane)
        {
            var channel = i / plane % 3;
            values.AsSpan(i, plane).CopyTo(permuted.AsSpan(i + ((_map.Colour[channel] - channel) * plane)));
        }
        weight.RawData = Tensors.Create<float>("", DataType.Float, permuted).RawData;
    }

    private TensorProto AddBias(NodeProto conv, TensorProto weight)
    {
        var bias = Tensors.Create<float>(_graph.Fresh($"{conv.Name}.bias"), DataType.Float, [], weight.Dims[0]);
        _graph.AddConstant(bias, after: weight);
        if (conv.Input.Count > 2)
        {
            _graph.SetInput(conv, 2, bias.Name);
        }
        else
        {
            _graph.AddInput(conv, bias.Name);
        }
        return bias;
    }

    /// <summary>Pixels less what, times the factor, is the summand; in the order red, green, blue.</summary>
    private string Subtract()
    {
        var mean = new float[3][];
        for (var channel = 0; channel < 3; channel++)
        {
            mean[_map.Colour[channel]] = [.. _map.Shift[channel].Select(shift => (float)(-shift / _map.Scale[channel]))];
        }
        return Add("Sub", InputWriter.Centred, [InputWriter.Pixels, Constant("pixels.mean", mean)]);
    }

    private string Write()
    {
        var x = InputWriter.Pixels;
        if (!_map.Colour.SequenceEqual([0, 1, 2]))
        {
            _graph.AddConstant(Tensors.Create<long>("pixels.order", DataType.Int64, [.. _map.Colour.Select(colour => (long)colour)], 3));
            x = Add("Gather", "pixels/ordered", [x, "pixels.order"], Attribute.Int("axis", 1));
        }
        if (Array.Exists(_map.Scale, scale => scale != 1))
        {
            x = Add("Mul", "pixels/scaled", [x, Constant("pixels.scale", [.. _map.Scale.Select(scale => (float[])[(float)scale])])]);
        }
        if (!_map.IsUnshifted)
        {
            x = Add("Add", "pixels/shifted", [x, Constant("pixels.shift", [.. _map.Shift.Select(shift => Array.ConvertAll(shift, value => (float)value))])]);
        }
        if (_map.IsBytes)
        {
            x = Add("Cast", "pixels/bytes", [x], Attribute.Int("to", (long)DataType.Uint8));
        }
        return _map.Layout == PixelLayout.Nchw ? x : Add("Transpose", "pixels/interleaved", [x], Attribute.Ints("perm", 0, 2, 3, 1));
    }

    /// <summary>A number for each channel, or one for each pixel of it.</summary>
    private string Constant(string name, float[][] values)
    {
        var isImage = Array.Exists(values, channel => channel.Length > 1);
        var all = values.SelectMany(channel => isImage && channel.Length == 1 ? Enumerable.Repeat(channel[0], _size * _size) : channel).ToArray();
        var side = isImage ? _size : 1;
        _graph.AddConstant(Tensors.Create<float>(name, DataType.Float, all, 3, side, side));
        return name;
    }

    private string Add(string op, string name, ReadOnlySpan<string> inputs, params ReadOnlySpan<AttributeProto> attributes)
    {
        var node = new NodeProto { Name = name, OpType = op, Output = { name } };
        node.Input.AddRange(inputs.ToArray());
        node.Attribute.AddRange(attributes.ToArray());
        _nodes.Add(node);
        return name;
    }
}
