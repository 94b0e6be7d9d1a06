using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>Sums and means over axes, and what divides by them.</summary>
internal static class Reductions
{
    /// <summary>The rules by operator.</summary>
    public static IEnumerable<(string Op, Rule Rule)> Rules =>
    [
        ("ReduceSum", new Rule(s => s.Copied(dy => Spread(s, dy))) { Refuses = Refuse }),
        ("ReduceMean", new Rule(s => s.Copied(dy => Spread(s, Divided(s, dy, Axes(s)!)))) { Refuses = Refuse }),
        ("ReduceMax", new Rule(s => s.Copied(dy => Chosen(s, dy))) { Refuses = Refuse }),
        ("ReduceMin", new Rule(s => s.Copied(dy => Chosen(s, dy))) { Refuses = Refuse }),
        ("GlobalAveragePool", new Rule(s => s.Copied(dy => Expand(s, Divided(s, dy, Positions(s)))))),
        ("Softmax", new Rule(s => s.Copied(dy => Softmax(s, dy)))),
        ("LogSoftmax", new Rule(s => s.Copied(dy =>
            s.Back.Sub(dy, s.Back.Mul(s.Back.Node("Exp", [s.Y()]), s.Back.Sum(dy, [s.Axis(-1, s.In().Rank)], keep: true)))))),
    ];

    /// <summary>The axes that are reduced; null where they are not constant.</summary>
    private static long[]? Axes(SourceNode s)
    {
        var rank = s.In().Rank;
        var axes = s.Ints("axes") ?? (s.Has(1) ? s.Integers(1)?.ToArray() : []);
        return axes is null ? null
            : axes.Length > 0 ? Array.ConvertAll(axes, axis => SourceNode.FromFront(axis, rank))
            : s.Int("noop_with_empty_axes", 0) != 0 ? [] : [.. Enumerable.Range(0, rank).Select(axis => (long)axis)];
    }

    private static string? Refuse(SourceNode s) => Axes(s) is null ? $"the rule for {s.Node.OpType} needs axes that are constants" : null;

    private static long[] Positions(SourceNode s) => [.. Enumerable.Range(2, s.In().Rank - 2).Select(axis => (long)axis)];

    /// <summary>Divided by the number of values that became one.</summary>
    private static string Divided(RuleScope s, string dy, long[] axes)
    {
        var reduced = axes.Select(axis => s.In().Extents[(int)axis]).ToArray();
        if (!reduced.Any(extent => extent.IsPerImage))
        {
            return s.Back.Mul(dy, (float)(1.0 / reduced.Aggregate(1L, (product, extent) => product * extent.Count)));
        }
        var extents = s.Back.Node("Gather", [s.Back.ShapeOf(s.X()), s.Back.Graph.Integers(axes)], Attribute.Int("axis", 0));
        var count = s.Back.Node("ReduceProd", [s.Back.Cast(extents, DataType.Float)], Attribute.Int("keepdims", 0));
        return s.Back.Div(dy, count);
    }

    /// <summary>With the axes that the reduction took away.</summary>
    private static string Kept(RuleScope s, string value) => s.Int("keepdims", 1) != 0 || Axes(s)!.Length == 0
        ? value : s.Back.Node("Unsqueeze", [value, s.Back.Graph.Integers(Axes(s))]);

    private static string Spread(RuleScope s, string dy) => Expand(s, Kept(s, dy));

    private static string Expand(RuleScope s, string dy) => s.Back.Node("Expand", [dy, s.In().IsFixed ? s.Back.ShapeFor(s.In(), s.X()) : s.Back.ShapeOf(s.X())]);

    /// <summary>Of equal values each gets its share.</summary>
    private static string Chosen(RuleScope s, string dy)
    {
        var isChosen = s.Back.Cast(s.Back.Node("Equal", [s.X(), Kept(s, s.Y())]), DataType.Float);
        var count = Axes(s)!.Length == 0 ? isChosen : s.Back.Sum(isChosen, Axes(s), keep: true);
        return s.Back.Mul(isChosen, s.Back.Div(Kept(s, dy), count));
    }

    private static string Softmax(RuleScope s, string dy)
    {
        var weighted = s.Back.Mul(dy, s.Y());
        return s.Back.Sub(weighted, s.Back.Mul(s.Y(), s.Back.Sum(weighted, [s.Axis(-1, s.In().Rank)], keep: true)));
    }
}
