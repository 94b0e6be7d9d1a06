namespace Airbench.Onnx;

/// <summary>The numbers of short lists that a graph computes on the way to a shape: Shape, Gather, Concat, and arithmetic between them.</summary>
internal static class NumberRules
{
    /// <summary>The numbers of a node's output; null where they are unknown, or long.</summary>
    public static IReadOnlyList<double>? Of(NodeShapes at)
    {
        var (node, x) = (at.Node, at.Number(0));
        IReadOnlyList<double>? numbers = node.Operation switch
        {
            "Constant" => node.Attributes.Values.Select(Constant).FirstOrDefault(value => value is not null),
            "Identity" or "Cast" or "Squeeze" or "Unsqueeze" or "Reshape" or "Flatten" => x,
            "Shape" => at.Shape(0)?.Select(extent => (double)extent).ToArray(),
            "Size" => at.Shape(0) is { } shape ? [Extents.Elements(shape)] : null,
            "Concat" => Concat(at),
            "Gather" => x is not null && at.Number(1) is { } places && places.All(place => Extents.Axis(place, x.Count) >= 0)
                ? [.. places.Select(place => x[Extents.Axis(place, x.Count)])] : null,
            "Add" => Both(at, (a, b) => a + b),
            "Sub" => Both(at, (a, b) => a - b),
            "Mul" => Both(at, (a, b) => a * b),
            "Div" => Both(at, (a, b) => b == 0 ? 0 : Math.Floor(a / b)),
            "Max" => Both(at, Math.Max),
            "Min" => Both(at, Math.Min),
            "Floor" => x?.Select(Math.Floor).ToArray(),
            "Ceil" => x?.Select(Math.Ceiling).ToArray(),
            "ReduceProd" => x is null ? null : [x.Aggregate(1.0, (product, number) => product * number)],
            "Slice" => Slice(at, x),
            _ => null,
        };
        return numbers is { Count: <= ShortList.Most } ? numbers : null;
    }

    private static IReadOnlyList<double>? Constant(AttributeFacts value) =>
        value.Tensor is { } tensor ? tensor.Values
        : value.Int is { } number && value.Text is null && value.Graph is null && value.Ints.Count + value.Floats.Count == 0 ? [number]
        : value.Ints.Count > 0 ? [.. value.Ints.Select(i => (double)i)]
        : value.Floats.Count > 0 ? value.Floats : null;

    private static List<double>? Concat(NodeShapes at)
    {
        List<double> all = [];
        for (var i = 0; i < at.Node.Inputs.Count; i++)
        {
            if (at.Number(i) is not { } part || all.Count + part.Count > ShortList.Most)
            {
                return null;
            }
            all.AddRange(part);
        }
        return all;
    }

    private static double[]? Both(NodeShapes at, Func<double, double, double> compute) =>
        at.Node.Inputs.Count != 2 || at.Number(0) is not { } a || at.Number(1) is not { } b || (a.Count != b.Count && a.Count != 1 && b.Count != 1) ? null
        : [.. Enumerable.Range(0, Math.Max(a.Count, b.Count)).Select(i => compute(a[a.Count == 1 ? 0 : i], b[b.Count == 1 ? 0 : i]))];

    private static double[]? Slice(NodeShapes at, IReadOnlyList<double>? x)
    {
        if (x is null || at.List("starts", 1) is not [var start] || at.List("ends", 2) is not [var end] || at.Number(4) is { } steps && steps is not [1])
        {
            return null;
        }
        var first = (int)Math.Clamp(start < 0 ? start + x.Count : start, 0, x.Count);
        var last = (int)Math.Clamp(end < 0 ? end + x.Count : end, first, x.Count);
        return [.. x.Skip(first).Take(last - first)];
    }
}
