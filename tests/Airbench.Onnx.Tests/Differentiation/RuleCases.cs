using Airbench.Onnx;
using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;
using Attribute = Airbench.Onnx.Attribute;

namespace Airbench.Tests;

/// <summary>For each rule a graph with random attributes and shapes around its operator; it returns the output.</summary>
internal static class RuleCases
{
    /// <summary>By operator, with the first opset that has it.</summary>
    public static readonly IReadOnlyDictionary<string, (int Opset, Func<GraphSketch, string> Write)> All =
        new Dictionary<string, (int, Func<GraphSketch, string>)>
        {
            ["Relu"] = (13, Function("Relu")),
            ["Sigmoid"] = (13, Function("Sigmoid")),
            ["Tanh"] = (13, Function("Tanh")),
            ["Erf"] = (13, Function("Erf")),
            ["Exp"] = (13, Function("Exp")),
            ["Neg"] = (13, Function("Neg")),
            ["Abs"] = (13, Function("Abs")),
            ["Softplus"] = (13, Function("Softplus")),
            ["Identity"] = (13, s => s.Node("Exp", [s.Node("Identity", [s.Input(Row(s))])])),
            ["Dropout"] = (13, s => s.Node("Exp", [s.Node("Dropout", [s.Input(Row(s))])])),
            ["Log"] = (13, Positive(Function("Log"))),
            ["Sqrt"] = (13, Positive(Function("Sqrt"))),
            ["Reciprocal"] = (13, Positive(Function("Reciprocal"))),
            ["LeakyRelu"] = (13, s => s.Node("LeakyRelu", [s.Input(Row(s))], Attribute.Float("alpha", 0.3f))),
            ["Elu"] = (13, s => s.Node("Elu", [s.Input(Row(s))], Attribute.Float("alpha", 0.7f))),
            ["HardSigmoid"] = (13, s => s.Coin() ? s.Node("HardSigmoid", [s.Input(Row(s))])
                : s.Node("HardSigmoid", [s.Input(Row(s))], Attribute.Float("alpha", 0.45f), Attribute.Float("beta", 0.4f))),
            ["HardSwish"] = (14, Wide(Function("HardSwish"))),
            ["Gelu"] = (20, s => s.Coin() ? s.Node("Gelu", [s.Input(Row(s))]) : s.Node("Gelu", [s.Input(Row(s))], Attribute.Text("approximate", "tanh"))),
            ["Clip"] = (13, Clip),
            ["Cast"] = (13, s => s.Node("Exp", [s.Node("Cast", [s.Node("Cast", [s.Input(Row(s))], To(DataType.Double))], To(DataType.Float))])),
            ["Add"] = (13, Binary("Add")),
            ["Sub"] = (13, Binary("Sub")),
            ["Mul"] = (13, Binary("Mul")),
            ["Div"] = (13, Positive(Binary("Div"))),
            ["Pow"] = (13, Pow),
            ["PRelu"] = (16, Binary("PRelu")),
            ["Sum"] = (13, Many("Sum")),
            ["Mean"] = (13, Many("Mean")),
            ["Max"] = (13, Many("Max")),
            ["Min"] = (13, Many("Min")),
            ["Where"] = (16, Where),
            ["Reshape"] = (14, Reshape),
            ["Flatten"] = (13, s => s.Node("Flatten", [s.Node("Exp", [s.Input(2, 3, 2)])], Attribute.Int("axis", s.Pick(0, 3) is var axis && s.Coin() ? axis - 4 : axis))),
            ["Squeeze"] = (13, s => s.Node("Squeeze", [s.Node("Exp", [s.Input(1, 3, 1)]), s.Graph.Integers(s.OneOf<long[]>([1], [-1], [1, 3]))])),
            ["Unsqueeze"] = (13, s => s.Node("Unsqueeze", [s.Node("Exp", [s.Input(3)]), s.Graph.Integers(s.OneOf<long[]>([0], [-1], [1, 3]))])),
            ["Transpose"] = (13, s => s.Coin() ? s.Node("Transpose", [s.Node("Exp", [s.Input(2, 3)])])
                : s.Node("Transpose", [s.Node("Exp", [s.Input(2, 3, 2)])], Attribute.Ints("perm", s.OneOf<long[]>([0, 2, 3, 1], [3, 1, 0, 2], [1, 2, 3, 0])))),
            ["Expand"] = (13, Expand),
            ["Concat"] = (13, Concat),
            ["Split"] = (13, Split),
            ["Slice"] = (13, Slice),
            ["Pad"] = (13, Pad),
            ["Gather"] = (13, Gather),
            ["ReduceSum"] = (13, Reduce("ReduceSum", 13)),
            ["ReduceMean"] = (13, Reduce("ReduceMean", 18)),
            ["ReduceMax"] = (13, Reduce("ReduceMax", 18)),
            ["ReduceMin"] = (13, Reduce("ReduceMin", 18)),
            ["Softmax"] = (13, s => s.Node("Softmax", [s.Input(3, 4)], Attribute.Int("axis", s.OneOf(1, 2, -1, -2)))),
            ["LogSoftmax"] = (13, s => s.Node("LogSoftmax", [s.Input(3, 4)], Attribute.Int("axis", s.OneOf(1, 2, -1, -2)))),
            ["GlobalAveragePool"] = (13, s => s.Node("GlobalAveragePool", [s.Input(2, 3, s.Pick(1, 4))])),
            ["GlobalMaxPool"] = (13, s => s.Node("GlobalMaxPool", [s.Input(2, 3, s.Pick(1, 4))])),
            ["MaxPool"] = (13, s => Pool(s, "MaxPool")),
            ["AveragePool"] = (13, s => Pool(s, "AveragePool")),
            ["Gemm"] = (13, Gemm),
            ["MatMul"] = (13, MatMul),
            ["Conv"] = (13, Conv),
            ["BatchNormalization"] = (14, BatchNorm),
            ["LayerNormalization"] = (17, LayerNorm),
        };

    private static AttributeProto To(DataType type) => Attribute.Int("to", (long)type);

    private static long[] Row(GraphSketch s) => s.OneOf<long[]>([5], [2, 3], [2, 2, 3]);

    private static Func<GraphSketch, string> Function(string op) => s => s.Node(op, [s.Input(Row(s))]);

    private static Func<GraphSketch, string> Positive(Func<GraphSketch, string> write) => s =>
    {
        (s.Low, s.High) = (0.4, 2.4);
        return write(s);
    };

    private static Func<GraphSketch, string> Wide(Func<GraphSketch, string> write) => s =>
    {
        (s.Low, s.High) = (-4, 4);
        return write(s);
    };

    private static string Clip(GraphSketch s)
    {
        var (low, high) = (s.Graph.Initializer("low", [-0.75f]), s.Graph.Initializer("high", [0.8f]));
        return s.OneOf(0, 1, 2) switch
        {
            0 => s.Node("Clip", [s.Input(Row(s)), low]),
            1 => s.Node("Clip", [s.Input(Row(s)), low, high]),
            _ => Between(s, high),
        };

        static string Between(GraphSketch s, string high)
        {
            s.Graph.Node("Clip", "clip", [s.Input(Row(s)), "", high], ["clip"], []);
            return "clip";
        }
    }

    /// <summary>Images with a constant, in both orders, two values of images, and a value with itself.</summary>
    private static Func<GraphSketch, string> Binary(string op) => s => s.Pick(0, 5) switch
    {
        0 => s.Node(op, [s.Input(2, 3), s.Constant(3)]),
        1 => s.Node(op, [s.Input(2, 3), s.Constant(2, 1)]),
        2 when op != "PRelu" => s.Node(op, [s.Constant(4, 1, 2, 3), s.Input(2, 1)]),
        3 when op != "PRelu" => s.Node(op, [s.Input(1, 3), s.Input(2, 1)]),
        4 when op is "Add" or "Mul" => s.Input(3) is var x ? s.Node(op, [x, x]) : "",
        _ => s.Node(op, [s.Input(2, 3), s.Constant()]),
    };

    private static Func<GraphSketch, string> Many(string op) => s => s.Pick(1, 3) switch
    {
        1 => s.Node(op, [s.Node("Exp", [s.Input(2, 3)])]),
        2 => s.Node(op, [s.Input(2, 3), s.Constant(3)]),
        _ => s.Node(op, [s.Input(2, 3), s.Constant(2, 1), s.Constant(1, 3)]),
    };

    private static string Pow(GraphSketch s)
    {
        (s.Low, s.High) = (0.4, 2.4);
        return s.Pick(0, 3) switch
        {
            0 => s.Node("Pow", [s.Input(2, 3), s.Graph.Scalar("two", 2)]),
            1 => s.Node("Pow", [s.Input(2, 3), s.Graph.Integer("three", 3)]),
            2 => s.Node("Pow", [s.Input(2, 3), s.Constant(3)]),
            _ => s.Node("Pow", [s.Constant(2, 3), s.Input(2, 1)]),
        };
    }

    private static string Where(GraphSketch s)
    {
        var x = s.Input(2, 3);
        var condition = s.Node("Greater", [x, s.Graph.Scalar("zero", 0)]);
        return s.Coin() ? s.Node("Where", [condition, x, s.Constant(3)]) : s.Node("Where", [condition, s.Constant(2, 1), x]);
    }

    private static string Reshape(GraphSketch s)
    {
        var x = s.Node("Exp", [s.Input(2, 6)]);
        var shape = s.Node("Shape", [x]);
        return s.Pick(0, 3) switch
        {
            0 => s.Node("Reshape", [x, s.Graph.Integers(-1, 3)]),
            1 => s.Node("Reshape", [x, s.Graph.Integers(0, 4, -1)]),
            2 => s.Node("Reshape", [s.Constant(3, 4), s.Graph.Integers(2, 6)]),
            _ => s.Node("Reshape", [x, s.Node("Concat", [s.Node("Gather", [shape, s.Graph.Integers(0)]), s.Graph.Integers(-1)], Attribute.Int("axis", 0))]),
        };
    }

    /// <summary>Also to one row for each image, as the class token of a transformer.</summary>
    private static string Expand(GraphSketch s)
    {
        if (s.Coin())
        {
            return s.Node("Expand", [s.Coin() ? s.Constant(3, 1) : s.Constant(1), s.Graph.Integers(s.OneOf<long[]>([3, 4], [2, 3, 4], [2, 1, 1]))]);
        }
        var x = s.Input(2, 3);
        var images = s.Node("Gather", [s.Node("Shape", [x]), s.Graph.Integers(0)]);
        var token = s.Node("Expand", [s.Constant(1, 1, 3), s.Node("Concat", [images, s.Graph.Integers(1, 3)], Attribute.Int("axis", 0))]);
        return s.Node("Sigmoid", [s.Node("Concat", [token, x], Attribute.Int("axis", 1))]);
    }

    private static string Concat(GraphSketch s)
    {
        var (x, other) = (s.Node("Exp", [s.Input(2, 3)]), s.Input(4, 3));
        var joined = s.Coin() ? s.Node("Concat", [x, other, x], Attribute.Int("axis", s.OneOf(1, -2)))
            : s.Node("Concat", [s.Node("Mul", [x, x]), s.Input(2, 2)], Attribute.Int("axis", 2));
        return s.Node("Sigmoid", [joined]);
    }

    /// <summary>Sizes given and even; sometimes a part leads nowhere.</summary>
    private static string Split(GraphSketch s)
    {
        var x = s.Node("Exp", [s.Input(6, 2)]);
        var parts = new[] { "a", "b", "c" };
        string[] inputs = s.Coin() ? [x, s.Graph.Integers(1, 2, 3)] : s.Opset < 18 ? [x] : [x, s.Graph.Integers(2, 2, 2)];
        s.Graph.Node("Split", "split", inputs, parts, [Attribute.Int("axis", s.OneOf(1, -2))]);
        var (first, last) = (s.Node("Tanh", ["a"]), s.Node("Sigmoid", ["c"]));
        return s.Node("Concat", s.Coin() ? [last, first, s.Node("Exp", ["b"])] : [last, first], Attribute.Int("axis", 1));
    }

    private static string Slice(GraphSketch s)
    {
        var x = s.Node("Exp", [s.Input(7, 6)]);
        const long Far = long.MaxValue;
        return s.Pick(0, 5) switch
        {
            0 => s.Node("Slice", [x, s.Graph.Integers(1), s.Graph.Integers(5), s.Graph.Integers(1)]),
            1 => s.Node("Slice", [x, s.Graph.Integers(1, 0), s.Graph.Integers(Far, -1), s.Graph.Integers(1, 2), s.Graph.Integers(s.Pick(1, 4), s.Pick(1, 3))]),
            2 => s.Node("Slice", [x, s.Graph.Integers(-1), s.Graph.Integers(long.MinValue), s.Graph.Integers(-2), s.Graph.Integers(-s.Pick(1, 4))]),
            3 => s.Node("Slice", [x, s.Graph.Integers(5, 1), s.Graph.Integers(1, 6), s.Graph.Integers(2, 1), s.Graph.Integers(-2, 2)]),
            4 => s.Node("Slice", [x, s.Graph.Integers(0, 2), s.Graph.Integers(Far, 4)]),
            _ => s.Node("Slice", [s.Constant(4, 3), s.Graph.Integers(1, -2), s.Graph.Integers(4, 3)]),
        };
    }

    private static string Pad(GraphSketch s)
    {
        var x = s.Node("Exp", [s.Input(3, 4)]);
        return s.Pick(0, s.Opset < 18 ? 2 : 3) switch
        {
            0 => s.Node("Pad", [x, s.Graph.Integers(0, 1, 0, 0, 2, 1)]),
            1 => s.Node("Pad", [x, s.Graph.Integers(0, 1, -1, 0, -1, 2), s.Graph.Initializer("value", [3])]),
            2 => s.Node("Pad", [x, s.Graph.Integers(0, 0, 2, 0, 0, 0)], Attribute.Text("mode", "constant")),
            _ => Axes(s, x),
        };

        static string Axes(GraphSketch s, string x)
        {
            s.Graph.Node("Pad", "pad", [x, s.Graph.Integers(2, 0, 1, 1), "", s.Graph.Integers(-1, 1)], ["pad"], []);
            return "pad";
        }
    }

    private static string Gather(GraphSketch s)
    {
        var x = s.Node("Exp", [s.Input(4, 3)]);
        return s.Pick(0, 5) switch
        {
            0 => s.Node("Gather", [x, s.Graph.Integer("index", s.OneOf(0, 2, -1))], Attribute.Int("axis", 1)),
            1 => s.Node("Gather", [x, s.Graph.Integers(1, 2)], Attribute.Int("axis", -2)),
            2 => s.Node("Gather", [x, s.Graph.Integers(2, 0, 2, -1)], Attribute.Int("axis", 2)),
            3 => s.Node("Gather", [s.Constant(4, 2), s.Graph.Integers(3, 1, 1, 0, 3)]),
            4 => s.Node("Gather", [s.Constant(4, 2), s.Node("Reshape", [s.Graph.Integers(3, 1, 1, 0), s.Graph.Integers(2, 2)])], Attribute.Int("axis", 0)),
            _ => s.Node("Gather", [x, s.Graph.Integers(3, 1, 1)], Attribute.Int("axis", 1)),
        };
    }

    /// <summary>Axes as an attribute or, from <paramref name="asInput"/> on, as an input; all of them; over the batch too.</summary>
    private static Func<GraphSketch, string> Reduce(string op, int asInput) => s =>
    {
        var (x, axes) = (s.Input(2, 3, 2), s.OneOf<long[]>([1], [-1, 2], [0, 2], [2, 3], [0], []));
        var keep = Attribute.Int("keepdims", s.Coin() ? 1 : 0);
        return axes.Length == 0 ? s.Node(op, [s.Constant(2, 3)], keep)
            : s.Opset >= asInput ? s.Node(op, [x, s.Graph.Integers(axes)], keep) : s.Node(op, [x], Attribute.Ints("axes", axes), keep);
    };

    /// <summary>Windows that overlap, leave gaps, hang over, with and without padding, over one and two axes.</summary>
    private static string Pool(GraphSketch s, string op)
    {
        var isLine = s.Pick(0, 3) == 0;
        long[] plane = isLine ? [s.Pick(5, 8)] : [s.Pick(5, 7), s.Pick(4, 6)];
        var rank = plane.Length;
        long[] kernel = [.. plane.Select(_ => (long)s.Pick(1, 3))];
        var attributes = new List<AttributeProto> { Attribute.Ints("kernel_shape", kernel) };
        if (s.Coin())
        {
            attributes.Add(Attribute.Ints("strides", [.. plane.Select(_ => (long)s.Pick(1, 3))]));
        }
        switch (s.Pick(0, 4))
        {
            case 0:
                attributes.Add(Attribute.Text("auto_pad", s.OneOf("SAME_UPPER", "SAME_LOWER", "VALID")));
                break;
            case 1:
            case 2:
                attributes.Add(Attribute.Ints("pads", [.. Enumerable.Range(0, 2 * rank).Select(i => (long)s.Pick(0, (int)kernel[i % rank] - 1))]));
                break;
            case 3 when op == "MaxPool" || s.Opset >= 19:
                attributes.Add(Attribute.Ints("dilations", [.. plane.Select(_ => (long)s.Pick(1, 2))]));
                break;
            default:
                attributes.Add(Attribute.Int("ceil_mode", 1));
                break;
        }
        if (op == "AveragePool" && s.Coin())
        {
            attributes.Add(Attribute.Int("count_include_pad", 1));
        }
        return s.Node(op, [s.Input([2, .. plane])], [.. attributes]);
    }

    private static string Gemm(GraphSketch s)
    {
        var (a, b) = (s.Pick(0, 1), s.Pick(0, 1));
        var x = s.Input(3);
        var left = a == 1 ? s.Node("Transpose", [x]) : x;
        var weight = b == 1 ? s.Constant(4, 3) : s.Constant(3, 4);
        AttributeProto[] attributes =
        [
            Attribute.Int("transA", a), Attribute.Int("transB", b), Attribute.Float("alpha", s.OneOf(1, 0.5f)), Attribute.Float("beta", s.OneOf(1, 2f)),
        ];
        return s.Pick(0, 3) switch
        {
            0 => s.Node("Gemm", [left, weight], attributes),
            1 => s.Node("Gemm", [left, weight, s.Constant(4)], attributes),
            2 => s.Node("Gemm", [left, weight, s.Constant()], attributes),
            _ => s.Node("Gemm", [left, weight, s.Input(1)], attributes),
        };
    }

    private static string MatMul(GraphSketch s) => s.Pick(0, 7) switch
    {
        0 => s.Node("MatMul", [s.Input(3), s.Constant(3, 2)]),
        1 => s.Node("MatMul", [s.Input(2, 3), s.Constant(3, 2)]),
        2 => s.Node("MatMul", [s.Input(2, 2, 3), s.Input(2, 3, 2)]),
        3 => s.Node("MatMul", [s.Input(1, 2, 3), s.Constant(2, 3, 2)]),
        4 => s.Node("MatMul", [s.Constant(2, 3), s.Input(3, 2)]),
        5 => s.Node("MatMul", [s.Input(2, 3), s.Constant(3)]),
        6 => s.Node("MatMul", [s.Constant(2), s.Input(2, 3)]),
        _ => s.Node("MatMul", [s.Constant(3), s.Constant(3)]),
    };

    /// <summary>Groups, depthwise with several outputs, strides, dilations, pads that differ, auto_pad, one and two axes.</summary>
    private static string Conv(GraphSketch s)
    {
        var isLine = s.Pick(0, 4) == 0;
        long[] plane = isLine ? [s.Pick(5, 7)] : [s.Pick(4, 6), s.Pick(4, 6)];
        var (groups, ins, outs) = s.OneOf<(int, int, int)>((1, 2, 3), (2, 2, 1), (2, 1, 2), (3, 1, 1));
        long[] kernel = [.. plane.Select(_ => (long)s.Pick(1, 3))];
        var attributes = new List<AttributeProto> { Attribute.Int("group", groups) };
        if (s.Coin())
        {
            attributes.Add(Attribute.Ints("strides", [.. plane.Select(_ => (long)s.Pick(1, 3))]));
        }
        switch (s.Pick(0, 3))
        {
            case 0 when !isLine || s.Coin():
                attributes.Add(Attribute.Text("auto_pad", s.OneOf("SAME_UPPER", "SAME_LOWER", "VALID")));
                break;
            case 1:
                attributes.Add(Attribute.Ints("pads", [.. Enumerable.Range(0, 2 * plane.Length).Select(_ => (long)s.Pick(0, 3))]));
                break;
            case 2:
                attributes.Add(Attribute.Ints("pads", [.. Enumerable.Repeat(1L, 2 * plane.Length)]));
                attributes.Add(Attribute.Ints("dilations", [.. plane.Select(_ => (long)s.Pick(1, 2))]));
                break;
            default:
                break;
        }
        var (x, weight) = (s.Input([groups * ins, .. plane]), s.Constant([groups * outs, ins, .. kernel]));
        return s.Coin() ? s.Node("Conv", [x, weight], [.. attributes]) : s.Node("Conv", [x, weight, s.Constant(groups * outs)], [.. attributes]);
    }

    private static string BatchNorm(GraphSketch s)
    {
        var x = s.Input(s.OneOf<long[]>([3], [3, 4], [3, 2, 2]));
        var (mean, variance) = (s.Graph.Initializer("mean", [0.3f, -0.2f, 0.9f], 3), s.Graph.Initializer("variance", [0.5f, 2, 1.2f], 3));
        return s.Node("BatchNormalization", [x, s.Constant(3), s.Constant(3), mean, variance], Attribute.Float("epsilon", s.OneOf(1e-5f, 1e-2f)));
    }

    private static string LayerNorm(GraphSketch s)
    {
        var (x, axis) = (s.Input(2, 3), s.OneOf(-1, 2, 1));
        var scale = axis == 1 ? s.Constant(2, 3) : s.Constant(3);
        return s.Coin() ? s.Node("LayerNormalization", [x, scale], Attribute.Int("axis", axis))
            : s.Node("LayerNormalization", [x, scale, axis == 1 ? s.Constant(2, 3) : s.Constant(3)], Attribute.Int("axis", axis), Attribute.Float("epsilon", 0.01f));
    }
}
