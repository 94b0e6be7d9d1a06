using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>Nodes of common operators, named after what they belong to; where operators differ between opsets 13 to 22, the form of this one.</summary>
/// <param name="graph">Where to.</param>
/// <param name="scope">Before all names.</param>
/// <param name="opset">Whose operators.</param>
internal sealed class NodeWriter(GraphBuilder graph, string scope, int opset)
{
    /// <summary>First opset in which the axes of all reductions are an input.</summary>
    public const int AxesAreInput = 18;

    /// <summary>Where the nodes go.</summary>
    public GraphBuilder Graph => graph;

    /// <summary>A node with one output.</summary>
    public string Node(string op, ReadOnlySpan<string> inputs, params ReadOnlySpan<AttributeProto> attributes) => graph.Node(op, Name(op), inputs, attributes);

    /// <summary>A name for a value of <paramref name="op"/>.</summary>
    public string Name(string op) => graph.Unused($"{scope}/{op.ToLowerInvariant()}");

    public string Add(string a, string b) => Node("Add", [a, b]);

    public string Sub(string a, string b) => Node("Sub", [a, b]);

    public string Mul(string a, string b) => Node("Mul", [a, b]);

    public string Div(string a, string b) => Node("Div", [a, b]);

    public string Mul(string a, float b) => b == 1 ? a : Mul(a, Scalar(b));

    public string Add(string a, float b) => b == 0 ? a : Add(a, Scalar(b));

    /// <summary>1 - <paramref name="a"/>.</summary>
    public string OneLess(string a) => Sub(Scalar(1), a);

    /// <summary><paramref name="a"/> where the condition holds, else <paramref name="b"/>.</summary>
    public string Where(string condition, string a, string b) => Node("Where", [condition, a, b]);

    /// <summary><paramref name="a"/> where the condition holds, else 0.</summary>
    public string Only(string condition, string a) => Where(condition, a, Scalar(0));

    public string Greater(string a, float b) => Node("Greater", [a, Scalar(b)]);

    public string Less(string a, float b) => Node("Less", [a, Scalar(b)]);

    /// <summary>A float32 scalar.</summary>
    public string Scalar(float value) => graph.Scalar(FormattableString.Invariant($"float.{value:R}"), value);

    public string Reshape(string x, params ReadOnlySpan<long> shape) => Node("Reshape", [x, graph.Integers(shape)]);

    public string Transpose(string x, params ReadOnlySpan<long> axes) => Node("Transpose", [x], Attribute.Ints("perm", axes));

    /// <summary>Swaps the last two of <paramref name="rank"/> axes.</summary>
    public string SwapLast(string x, int rank)
    {
        var axes = Enumerable.Range(0, rank).Select(axis => (long)axis).ToArray();
        (axes[^1], axes[^2]) = (axes[^2], axes[^1]);
        return Transpose(x, axes);
    }

    public string Cast(string x, DataType type) => Node("Cast", [x], Attribute.Int("to", (long)type));

    /// <summary>Sum over axes, which stay with the extent 1 or go.</summary>
    public string Sum(string x, ReadOnlySpan<long> axes, bool keep) =>
        Node("ReduceSum", [x, graph.Integers(axes)], Attribute.Int("keepdims", keep ? 1 : 0));

    /// <summary>Mean over axes, which stay with the extent 1 or go.</summary>
    public string Mean(string x, ReadOnlySpan<long> axes, bool keep) => opset >= AxesAreInput
        ? Node("ReduceMean", [x, graph.Integers(axes)], Attribute.Int("keepdims", keep ? 1 : 0))
        : Node("ReduceMean", [x], Attribute.Ints("axes", axes), Attribute.Int("keepdims", keep ? 1 : 0));

    /// <summary>Puts zeros around, or takes away where negative: first the starts of all axes, then the ends.</summary>
    public string Pad(string x, params long[] pads) => pads.All(pad => pad == 0) ? x : Node("Pad", [x, graph.Integers(pads)]);

    /// <summary>The part from <paramref name="start"/> to before <paramref name="end"/> along an axis.</summary>
    public string Slice(string x, long start, long end, long axis, long step = 1) =>
        Node("Slice", [x, graph.Integers(start), graph.Integers(end), graph.Integers(axis), graph.Integers(step)]);

    /// <summary>The shape of a value as int64 list: a constant with -1 for the batch where one will do, else read from <paramref name="value"/>.</summary>
    public string ShapeFor(ValueShape shape, string value) => Extents(shape) is { } extents ? graph.Integers(extents) : ShapeOf(value);

    /// <summary>The shape of a value as it is in this batch.</summary>
    public string ShapeOf(string value) => Node("Shape", [value]);

    /// <summary>A shape for Reshape, -1 for what grows with the batch; null where that is not clear.</summary>
    public static long[]? Extents(ValueShape shape) =>
        shape.Extents.Count(extent => extent.IsPerImage) > 1 || shape.Extents.Any(extent => extent.Count == 0)
            ? null
            : [.. shape.Extents.Select(extent => extent.IsPerImage ? -1 : extent.Count)];

    /// <summary>Sums what broadcasting has repeated: from the shape <paramref name="from"/> to <paramref name="to"/>.</summary>
    /// <param name="x">A value of shape <paramref name="from"/>.</param>
    /// <param name="from">Its shape.</param>
    /// <param name="to">A shape that broadcasts to it.</param>
    public string SumTo(string x, ValueShape from, ValueShape to)
    {
        var more = from.Rank - to.Rank;
        var leading = Enumerable.Range(0, more).Select(axis => (long)axis).ToArray();
        var repeated = Enumerable.Range(more, to.Rank).Where(axis => to.Extents[axis - more] != from.Extents[axis]).Select(axis => (long)axis).ToArray();
        if (repeated.Length > 0)
        {
            x = Sum(x, [.. leading, .. repeated], keep: true);
            return more == 0 ? x : Node("Squeeze", [x, graph.Integers(leading)]);
        }
        return more == 0 ? x : Sum(x, leading, keep: false);
    }
}
