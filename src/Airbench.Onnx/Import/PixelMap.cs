using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>
/// What a model does to pixels before its first layer, as far as it is arithmetic on each value alone: value = scale * pixel + shift, a pixel of the
/// same place and of a colour chosen for each channel. Kept in double; what follows rounds once.
/// </summary>
internal sealed class PixelMap
{
    private readonly int _plane;              // pixels of a channel

    private PixelMap(int size) => _plane = size * size;

    /// <summary>The colour (0 red, 1 green, 2 blue) that each channel is made of.</summary>
    public int[] Colour { get; private set; } = [0, 1, 2];

    /// <summary>A factor for each channel, never 0.</summary>
    public double[] Scale { get; private set; } = [1, 1, 1];

    /// <summary>A summand for each channel: one, or one for each pixel.</summary>
    public double[][] Shift { get; private set; } = [[0], [0], [0]];

    /// <summary>Order of the values; a Transpose changes it.</summary>
    public PixelLayout Layout { get; private set; } = PixelLayout.Nchw;

    /// <summary>Whether the values must be bytes still.</summary>
    public bool IsBytes { get; private set; }

    /// <summary>Whether every summand is one of a whole channel.</summary>
    public bool IsUniform => Shift.All(shift => shift.Length == 1);

    /// <summary>Whether nothing is added.</summary>
    public bool IsUnshifted => Shift.All(shift => shift.All(value => value == 0));

    /// <summary>How <paramref name="input"/> is made of RGB pixels from 0 to 255.</summary>
    public static PixelMap Of(ModelInput input)
    {
        var map = new PixelMap(input.Size) { Layout = input.Layout, IsBytes = input.Type == "uint8" };
        var (scale, mean, std) = input.Normalization;
        map.Colour = input.Color == ColorOrder.Rgb ? [0, 1, 2] : [2, 1, 0];
        map.Scale = [.. map.Colour.Select(colour => scale / std[colour])];
        map.Shift = [.. map.Colour.Select(colour => (double[])[-mean[colour] / std[colour]])];
        return map;
    }

    /// <summary>
    /// Takes in what reads <paramref name="value"/>, node by node, as long as it is of this kind; returns the value up to which it got.
    /// </summary>
    public string Follow(OnnxGraph graph, string value)
    {
        while (!graph.IsOutput(value) && graph.Readers(value) is [var reader] && Take(graph, reader, value) is { } next)
        {
            value = next;
        }
        return value;
    }

    private string? Take(OnnxGraph graph, NodeProto node, string value)
    {
        if (node.Domain.Length > 0 || node.Input.Count(input => input == value) != 1)
        {
            return null;
        }
        var isTaken = node.OpType switch
        {
            "Identity" => true,
            "Cast" => Cast(node),
            "Transpose" => Transpose(node),
            "Add" or "Sub" or "Mul" or "Div" when !IsBytes => Arithmetic(graph, node, value),
            "Gather" => node.Input[0] == value && IsChannelAxis(node) && Constant(graph, node, 1) is { } indices && Permute(Tensors.ToIntegers(indices)),
            _ => false,
        };
        return isTaken ? node.Output[0] : node.OpType == "Split" ? SplitAndConcat(graph, node) : null;
    }

    private bool Cast(NodeProto node)
    {
        var isFloat = node.Attribute.Single(attribute => attribute.Name == "to").I == (long)TensorProto.Types.DataType.Float;
        IsBytes &= !isFloat;
        return isFloat;
    }

    private bool Transpose(NodeProto node)
    {
        var order = node.Attribute.FirstOrDefault(attribute => attribute.Name == "perm")?.Ints;
        if (order is null)
        {
            return false;
        }
        var (from, to) = Layout == PixelLayout.Nchw ? ((long[])[0, 2, 3, 1], PixelLayout.Nhwc) : ([0, 3, 1, 2], PixelLayout.Nchw);
        Layout = order.SequenceEqual(from) ? to : Layout;
        return Layout == to || order.SequenceEqual([0L, 1, 2, 3]);
    }

    private bool Arithmetic(OnnxGraph graph, NodeProto node, string value)
    {
        var isFirst = node.Input[0] == value;
        if (Constant(graph, node, isFirst ? 1 : 0) is not { } tensor || tensor.DataType != (int)TensorProto.Types.DataType.Float || ByChannel(tensor) is not { } operand)
        {
            return false;
        }
        switch (node.OpType)
        {
            case "Add" or "Sub":
                var sign = node.OpType == "Add" ? 1 : -1;
                Combine((channel, place) => (isFirst ? Shift[channel][place] : sign * Shift[channel][place]) + ((isFirst ? sign : 1) * At(operand[channel], place)), operand);
                Scale = isFirst || sign == 1 ? Scale : [.. Scale.Select(scale => -scale)];
                return true;
            case "Mul" when IsFactor(operand):
                Combine((channel, place) => Shift[channel][place] * operand[channel][0], operand);
                Scale = [.. Scale.Select((scale, channel) => scale * operand[channel][0])];
                return true;
            case "Div" when isFirst && IsFactor(operand):
                Combine((channel, place) => Shift[channel][place] / operand[channel][0], operand);
                Scale = [.. Scale.Select((scale, channel) => scale / operand[channel][0])];
                return true;
            default:
                return false;
        }
    }

    private static bool IsFactor(double[][] operand) => operand.All(values => values is [not 0 and var factor] && double.IsFinite(factor));

    /// <summary>New summands; of the length of the longer of the present ones and the operand's.</summary>
    private void Combine(Func<int, int, double> at, double[][] operand)
    {
        var present = Shift;
        Shift = [.. present.Select((shift, channel) => operand[channel].Length > shift.Length ? Enumerable.Repeat(shift[0], operand[channel].Length).ToArray() : shift)];
        Shift = [.. Shift.Select((shift, channel) => shift.Select((_, place) => at(channel, place)).ToArray())];
    }

    private static double At(double[] values, int place) => values[values.Length == 1 ? 0 : place];

    /// <summary>A constant as one number for each channel, or one for each of its pixels; null where it is neither.</summary>
    private double[][]? ByChannel(TensorProto tensor)
    {
        var values = Tensors.Floats(tensor);
        var shape = Enumerable.Repeat(1L, Math.Max(0, 4 - tensor.Dims.Count)).Concat(tensor.Dims).ToArray();
        if (shape.Length != 4 || shape[0] != 1 || values.Any(value => !float.IsFinite(value)))
        {
            return null;
        }
        var (channels, places) = Layout == PixelLayout.Nchw ? (shape[1], shape[2] * shape[3]) : (shape[3], shape[1] * shape[2]);
        return channels is 1 or 3 && (places == 1 || places == _plane)
            ? [.. Enumerable.Range(0, 3).Select(channel => Enumerable.Range(0, (int)places).Select(place => (double)values[Index(channels == 1 ? 0 : channel, place)]).ToArray())]
            : null;

        int Index(int channel, int place) => Layout == PixelLayout.Nchw ? (channel * (int)places) + place : (place * (int)channels) + channel;
    }

    private bool IsChannelAxis(NodeProto node)
    {
        var axis = node.Attribute.FirstOrDefault(attribute => attribute.Name == "axis")?.I ?? 0;
        return (axis < 0 ? axis + 4 : axis) == (Layout == PixelLayout.Nchw ? 1 : 3);
    }

    private bool Permute(long[]? order)
    {
        if (order is null || !order.Order().SequenceEqual([0L, 1, 2]))
        {
            return false;
        }
        (Colour, Scale, Shift) = ([.. order.Select(i => Colour[i])], [.. order.Select(i => Scale[i])], [.. order.Select(i => Shift[i])]);
        return true;
    }

    /// <summary>Three channels taken apart and put together in another order.</summary>
    private string? SplitAndConcat(OnnxGraph graph, NodeProto split)
    {
        if (!IsChannelAxis(split) || split.Output.Count != 3 || split.Output.Any(graph.IsOutput) || graph.Readers(split.Output[0]) is not [{ OpType: "Concat" } concat]
            || !split.Output.All(output => graph.Readers(output) is [var reader] && reader == concat) || concat.Input.Count != 3 || !IsChannelAxis(concat))
        {
            return null;
        }
        return Permute([.. concat.Input.Select(input => (long)split.Output.IndexOf(input))]) ? concat.Output[0] : null;
    }

    private static TensorProto? Constant(OnnxGraph graph, NodeProto node, int index) => index < node.Input.Count ? graph.Constant(node.Input[index]) : null;
}
