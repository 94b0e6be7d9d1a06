namespace Airbench.Onnx;

using static Extents;

/// <summary>
/// The least shape that an operator's outputs may have, by what is known of its inputs. What has no rule here, or hangs on something unknown, is
/// unknown: that is allowed.
/// </summary>
/// <remarks>Definitions: https://github.com/onnx/onnx/blob/main/docs/Operators.md. Operators that ONNX Runtime adds have the names of ours with
/// a Q, Fused or Nhwc in front, and other places of their inputs.</remarks>
internal static class ShapeRules
{
    /// <summary>The shapes of the outputs, one for each or fewer.</summary>
    public static IReadOnlyList<long[]?> Of(NodeShapes at)
    {
        var (node, x) = (at.Node, at.Shape(0));
        switch (node.Operation)
        {
            case "Conv" or "FusedConv" or "ConvInteger":
                return [WindowRules.Convolution(at, weights: 1)];
            case "QLinearConv":
                return [WindowRules.Convolution(at, weights: 3)];
            case "ConvTranspose":
                return [at.Shape(1) is { Length: > 2 } weight ? WindowRules.Spread(at, weight[2..], Times(weight[1], Math.Max(1, node.Int("group", 1)))) : null];
            case "MaxUnpool":
                return [at.Number(2) is { } asked ? From(asked) : x is { Length: > 2 } ? WindowRules.Spread(at, node.Ints("kernel_shape"), x[1]) : null];
            case "MaxPool" or "AveragePool" or "LpPool":
                var pooled = WindowRules.Pool(at);
                return [pooled, pooled];
            case "GlobalAveragePool" or "GlobalMaxPool" or "GlobalLpPool":
                return [x is { Length: > 2 } ? [x[0], x[1], .. Ones(x.Length - 2)] : null];
            case "Gemm":
                return [Gemm(at, 1)];
            case "QGemm":
                return [Gemm(at, 3)];
            case "MatMul" or "MatMulInteger" or "FusedMatMul":
                return [MatMul(x, at.Shape(1))];
            case "QLinearMatMul":
                return [MatMul(x, at.Shape(3))];
            case "Einsum":
                return [Einsum(at)?.Output];
            case "Add" or "Sub" or "Mul" or "Div" or "Pow" or "Max" or "Min" or "Mean" or "Sum" or "And" or "Or" or "Xor" or "Equal" or "Less" or "Greater"
                or "LessOrEqual" or "GreaterOrEqual" or "Where" or "Mod" or "BitShift" or "BitwiseAnd" or "BitwiseOr" or "BitwiseXor" or "PRelu":
                return [Broadcast([.. Enumerable.Range(0, node.Inputs.Count).Select(at.Shape)])];
            case "QLinearAdd" or "QLinearMul":
                return [Broadcast(x, at.Shape(3))];
            case "Pad":
                return [Pad(at)];
            case "Resize" or "Upsample":
                return [Resize(at)];
            case "Expand":
                return [at.Number(1) is { } wanted ? Broadcast(x ?? [], From(wanted)) : null];
            case "Tile":
                return [at.Number(1) is { } repeats ? [.. repeats.Select((repeat, i) => Times(x?.Length == repeats.Count ? x[i] : 1, AtLeastOne(repeat)))] : null];
            case "ConstantOfShape":
                return [at.Number(0) is { } extents ? From(extents) : null];
            case "RandomNormal" or "RandomUniform":
                return [[.. node.Ints("shape").Select(extent => Math.Clamp(extent, 1, Most))]];
            case "Range":
                return [at.Number(0) is [var first] && at.Number(1) is [var limit] && at.Number(2) is [var delta] && delta != 0 ? [AtLeastOne(Math.Ceiling((limit - first) / delta))] : null];
            case "OneHot":
                return [x is not null && at.Number(1) is [var depth] ? [.. x, AtLeastOne(depth)] : null];
            case "HannWindow" or "HammingWindow" or "BlackmanWindow":
                return [at.Number(0) is [var length] ? [AtLeastOne(length)] : null];
            case "Constant":
                return [node.Attributes.Values.Select(value => value.Tensor?.Shape.ToArray() ?? (value.Ints.Count + value.Floats.Count is > 0 and var n ? [n] : null))
                    .FirstOrDefault(shape => shape is not null)];
            case "Reshape":
                return [at.List("shape", 1) is { } shape ? Reshape(x, shape) : null];
            case "Flatten":
                return [x is not null && Math.Clamp(node.Int("axis", 1), -x.Length, x.Length) is var at0 && (int)(at0 < 0 ? at0 + x.Length : at0) is var axis
                    ? [Elements(x[..axis]), Elements(x[axis..])] : null];
            case "Transpose":
                var order = node.Ints("perm");
                return [x is null ? null : order.Count == 0 ? [.. x.Reverse()] : order.All(from => from >= 0 && from < x.Length) ? [.. order.Select(from => x[from])] : null];
            case "Squeeze":
                return [x is null ? null : at.List("axes", 1) is { } gone ? [.. x.Where((_, i) => !gone.Any(a => Axis(a, x.Length) == i))] : null];
            case "Unsqueeze":
                return [Unsqueeze(x, at.List("axes", 1))];
            case "Concat" or "QLinearConcat":
                return [node.Operation == "Concat" ? Concat(at) : null];
            case "Split":
                return [.. node.Outputs.Select(_ => x is null ? null : WithAxis(x, node.Int("axis", 0), 1))];
            case "Slice":
                return [x is null ? null : at.List("axes", 3) is { } cut ? [.. x.Select((extent, i) => cut.Any(a => Axis(a, x.Length) == i) ? 1 : extent)] : Ones(x.Length)];
            case "Gather":
                return [x is not null && at.Shape(1) is { } places && Axis(node.Int("axis", 0), x.Length) is >= 0 and var along
                    ? [.. x[..along], .. places, .. x[(along + 1)..]] : null];
            case "GatherElements":
                return [at.Shape(1)];
            case "Shape":
                return [x is null ? null : [x.Length]];
            case "ArgMax" or "ArgMin":
                return [Reduce(x, [node.Int("axis", 0)], node.Int("keepdims", 1))];
            case "GridSample":
                return [x is { Length: > 2 } && at.Shape(1) is { } grid && grid.Length == x.Length ? [x[0], x[1], .. grid[1..^1]] : null];
            case "RoiAlign" or "MaxRoiPool":
                return [x is { Length: 4 } && at.Shape(1) is [var regions, ..] ? [regions, x[1],
                    .. (long[])[Math.Clamp(node.Int("output_height", node.Ints("pooled_shape").FirstOrDefault(1)), 1, Most),
                        Math.Clamp(node.Int("output_width", node.Ints("pooled_shape").ElementAtOrDefault(1)), 1, Most)]] : null];
            case "DepthToSpace" or "SpaceToDepth":
                return [null];
            case var reduction when reduction.StartsWith("Reduce", StringComparison.Ordinal):
                return [Reduce(x, at.List("axes", 1), node.Int("keepdims", 1))];
            case var same when SameShape.Contains(same):
                return [.. node.Outputs.Select((_, i) => i == 0 || same is "Dropout" ? x : null)];
            default:
                return [];
        }
    }

    /// <summary>Multiply-adds of a node, or the elements that it writes where it multiplies nothing.</summary>
    public static long Work(NodeShapes at, IReadOnlyList<long[]?> outputs)
    {
        var written = outputs.Count > 0 && outputs[0] is { } first ? Elements(first) : 1;
        return at.Node.Operation switch
        {
            "Conv" or "FusedConv" or "ConvInteger" => Times(written, Row(at.Shape(1))),
            "QLinearConv" => Times(written, Row(at.Shape(3))),
            "ConvTranspose" => Times(at.Shape(0) is { } x ? Elements(x) : 1, Row(at.Shape(1))),
            "MaxPool" or "AveragePool" or "LpPool" => Times(written, Elements(at.Node.Ints("kernel_shape").Select(k => Math.Clamp(k, 1, Most)))),
            "Gemm" or "QGemm" => Times(written, at.Shape(0) is { Length: 2 } a ? a[at.Node.Int("transA", 0) == 0 ? 1 : 0] : 1),
            "MatMul" or "MatMulInteger" or "FusedMatMul" or "QLinearMatMul" => Times(written, at.Shape(0) is { Length: > 0 } a ? a[^1] : 1),
            "Einsum" => Einsum(at)?.Work ?? written,
            _ => written,
        };

        static long Row(long[]? weights) => weights is { Length: > 1 } ? Elements(weights[1..]) : 1;   // of one output channel
    }

    private static readonly HashSet<string> SameShape =
    [
        "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "BatchNormalization", "BiasGelu", "BitwiseNot", "Cast", "CastLike", "Ceil", "Celu", "Clip", "Cos",
        "Cosh", "CumSum", "DequantizeLinear", "Dropout", "Elu", "Erf", "Exp", "EyeLike", "FastGelu", "Floor", "Gelu", "GroupNormalization", "HardSigmoid", "HardSwish",
        "Hardmax", "Identity", "InstanceNormalization", "IsInf", "IsNaN", "LRN", "LayerNormalization", "LeakyRelu", "Log", "LogSoftmax", "LpNormalization",
        "MeanVarianceNormalization", "Mish", "Neg", "Not", "QLinearLeakyRelu", "QLinearSigmoid", "QuantizeLinear", "QuickGelu", "RMSNormalization",
        "RandomNormalLike", "RandomUniformLike", "Reciprocal", "Relu", "ReverseSequence", "Round", "ScatterElements", "ScatterND", "Selu", "Shrink", "Sigmoid",
        "Sign", "Sin", "Sinh", "Softmax", "Softplus", "Softsign", "Sqrt", "Swish", "Tan", "Tanh", "ThresholdedRelu", "Trilu",
    ];

    private static long[] From(IReadOnlyList<double> numbers) => [.. numbers.Select(AtLeastOne)];

    private static long[]? Gemm(NodeShapes at, int second) => at.Shape(0) is { Length: 2 } a && at.Shape(second) is { Length: 2 } b
        ? [a[at.Node.Int("transA", 0) == 0 ? 0 : 1], b[at.Node.Int("transB", 0) == 0 ? 1 : 0]] : null;

    private static long[]? MatMul(long[]? a, long[]? b) =>
        a is not { Length: > 0 } || b is not { Length: > 0 } ? null
        : [.. Broadcast(a[..Math.Max(0, a.Length - 2)], b[..Math.Max(0, b.Length - 2)])!, .. a.Length > 1 ? a[^2..^1] : [], .. b.Length > 1 ? b[^1..] : []];

    private static (long[] Output, long Work)? Einsum(NodeShapes at)
    {
        var sides = at.Node.Text("equation").Replace(" ", "", StringComparison.Ordinal).Split("->");
        var terms = sides[0].Split(',');
        if (sides.Length != 2 || sides[0].Contains('.', StringComparison.Ordinal) || terms.Length != at.Node.Inputs.Count)
        {
            return null;
        }
        Dictionary<char, long> extents = [];
        for (var i = 0; i < terms.Length; i++)
        {
            if (at.Shape(i) is not { } shape || shape.Length != terms[i].Length)
            {
                return null;
            }
            for (var k = 0; k < shape.Length; k++)
            {
                extents[terms[i][k]] = Math.Max(shape[k], extents.GetValueOrDefault(terms[i][k], 1));
            }
        }
        return ([.. sides[1].Select(letter => extents.GetValueOrDefault(letter, 1))], Elements(extents.Values));
    }

    private static long[]? Pad(NodeShapes at)
    {
        if (at.List("pads", 1) is not { } pads || pads.Count == 0 || pads.Count % 2 != 0)
        {
            return at.Shape(0);
        }
        var n = pads.Count / 2;
        var axes = at.Number(3);
        if (axes is null && at.Node.Inputs.Count > 3 && at.Node.Inputs[3].Length > 0)
        {
            return null;
        }
        var x = at.Shape(0) ?? (axes is null ? Ones(n) : null);
        if (x is null || (axes is null && x.Length != n))
        {
            return null;
        }
        long[] padded = [.. x];
        for (var i = 0; i < n; i++)
        {
            var axis = axes is null ? i : i < axes.Count ? Axis(axes[i], x.Length) : -1;
            if (axis >= 0)
            {
                padded[axis] = AtLeastOne(x[axis] + pads[i] + pads[i + n]);
            }
        }
        return padded;
    }

    private static long[]? Resize(NodeShapes at)
    {
        var x = at.Shape(0);
        var isOld = at.Node.Operation == "Upsample" || at.Node.Inputs.Count == 2;   // scales second; later a region is
        var scales = isOld ? at.List("scales", 1) : at.Number(2);
        var sizes = isOld ? null : at.Number(3);
        var axes = at.Node.Ints("axes");
        var given = sizes is { Count: > 0 } ? sizes : scales;
        if (given is not { Count: > 0 } || (axes.Count > 0 && (x is null || axes.Count != given.Count)) || (axes.Count == 0 && x is not null && x.Length != given.Count))
        {
            return null;
        }
        var result = x?.ToArray() ?? Ones(given.Count);
        for (var i = 0; i < given.Count; i++)
        {
            var axis = axes.Count > 0 ? Axis(axes[i], result.Length) : i;
            if (axis >= 0)
            {
                result[axis] = ReferenceEquals(given, sizes) ? AtLeastOne(given[i]) : AtLeastOne(Math.Floor(result[axis] * given[i]));
            }
        }
        return result;
    }

    /// <summary>0 keeps an extent, -1 is what is left.</summary>
    private static long[] Reshape(long[]? x, IReadOnlyList<double> shape)
    {
        long[] result = [.. shape.Select((extent, i) => extent == 0 && x is not null && i < x.Length ? x[i] : AtLeastOne(extent))];
        var left = Enumerable.Range(0, result.Length).FirstOrDefault(i => shape[i] == -1, -1);
        if (left >= 0 && x is not null)
        {
            result[left] = Math.Max(1, Elements(x) / Math.Max(1, Elements(result)));
        }
        return result;
    }

    private static long[]? Unsqueeze(long[]? x, IReadOnlyList<double>? axes)
    {
        if (x is null || axes is null)
        {
            return null;
        }
        var rank = x.Length + axes.Count;
        var added = axes.Select(axis => Axis(axis, rank)).ToHashSet();
        var from = 0;
        return added.Count == axes.Count && !added.Contains(-1) ? [.. Enumerable.Range(0, rank).Select(i => added.Contains(i) ? 1 : x[from++])] : null;
    }

    private static long[]? Concat(NodeShapes at)
    {
        long[]? sum = null;
        for (var i = 0; i < at.Node.Inputs.Count; i++)
        {
            if (at.Shape(i) is not { } part || (sum is not null && part.Length != sum.Length) || Axis(at.Node.Int("axis", 0), part.Length) is var axis && axis < 0)
            {
                return null;
            }
            sum = sum is null ? [.. part] : [.. sum.Select((extent, k) => k == axis ? Math.Min(Most, extent + part[k]) : Math.Max(extent, part[k]))];
        }
        return sum;
    }

    private static long[]? Reduce(long[]? x, IReadOnlyList<double>? axes, long keep)
    {
        if (x is null)
        {
            return null;
        }
        var gone = axes is { Count: > 0 } ? axes.Select(axis => Axis(axis, x.Length)).ToHashSet() : [.. Enumerable.Range(0, x.Length)];
        return keep != 0 ? [.. x.Select((extent, i) => gone.Contains(i) ? 1 : extent)] : [.. x.Where((_, i) => !gone.Contains(i))];
    }

    private static long[] WithAxis(long[] x, double axis, long extent)
    {
        long[] copy = [.. x];
        if (Axis(axis, x.Length) is >= 0 and var place)
        {
            copy[place] = extent;
        }
        return copy;
    }
}
