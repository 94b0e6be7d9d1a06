namespace Airbench.Onnx;

/// <summary>Parts of values, and values of parts.</summary>
internal static class Selections
{
    /// <summary>Elements up to which the positions that Gather takes become a matrix of zeros and ones.</summary>
    private const long LargestMatrix = 1 << 24;

    /// <summary>The rules by operator.</summary>
    public static IEnumerable<(string Op, Rule Rule)> Rules =>
    [
        ("Concat", new Rule(Concat) { Refuses = s => Axis(s, s.Axis(0, s.Out().Rank)) }),
        ("Split", new Rule(Split)),
        ("Slice", new Rule(Slice) { Inputs = [0], Refuses = RefuseSlice }),
        ("Pad", new Rule(s => s.Copied(dy => s.Back.Pad(dy, Array.ConvertAll(Pads(s)!, pad => -pad)))) { Inputs = [0], Refuses = RefusePad }),
        ("Gather", new Rule(Gather) { Refuses = RefuseGather }),
    ];

    private static string? Axis(SourceNode s, int axis) =>
        s.Out().Extents[axis].IsPerImage || s.In().Extents[axis].IsPerImage ? $"the rule for {s.Node.OpType} does not go along the batch (axis {axis})" : null;

    private static Backward Concat(RuleScope s)
    {
        var axis = s.Axis(0, s.Out().Rank);
        s.Copy();
        return gradients =>
        {
            var parts = Enumerable.Range(0, s.Node.Input.Count).Select(_ => "").ToArray();
            for (var i = 0; i < parts.Length; i++)
            {
                parts[i] = s.Back.Graph.Unused($"{s.Back.Name("part")}{i}");
            }
            var sizes = parts.Select((_, i) => s.In(i).Extents[axis].Count).ToArray();
            s.Back.Graph.Node("Split", s.Back.Name("split"), [gradients[0]!, s.Back.Graph.Integers(sizes)], parts, [Attribute.Int("axis", axis)]);
            return parts;
        };
    }

    private static Backward Split(RuleScope s)
    {
        var axis = s.Axis(0, s.In().Rank);
        s.Copy();
        return gradients => [s.Back.Node("Concat", [.. gradients.Select((dy, i) => dy ?? Zeros(s, s.Y(i)))], Attribute.Int("axis", axis))];
    }

    private static string Zeros(RuleScope s, string like) => s.Back.Node("ConstantOfShape", [s.Back.ShapeOf(like)]);

    private sealed record Cut(int Axis, long Start, long Step);

    /// <summary>Where Slice starts and steps, by axis.</summary>
    private static IEnumerable<Cut> Cuts(SourceNode s)
    {
        var starts = s.Integers(1)!;
        for (var i = 0; i < starts.Count; i++)
        {
            var axis = (int)SourceNode.FromFront(s.Integers(3)?[i] ?? i, s.In().Rank);
            var (extent, step) = (s.In().Extents[axis].Count, s.Integers(4)?[i] ?? 1);
            yield return new Cut(axis, Math.Clamp(SourceNode.FromFront(starts[i], extent), 0, step > 0 ? extent : extent - 1), step);
        }
    }

    private static string? RefuseSlice(SourceNode s)
    {
        if (s.Integers(1) is null || (s.Has(3) && s.Integers(3) is null) || (s.Has(4) && s.Integers(4) is null))
        {
            return "the rule for Slice needs starts, axes and steps that are constants";
        }
        if (NodeWriter.Extents(s.Out()) is null)
        {
            return $"the rule for Slice needs a part that is not empty and at most one axis that grows with the batch, found [{string.Join(',', s.Out().Extents)}]";
        }
        // What leaves an axis as it is, the batch too, needs no rule.
        return Cuts(s).Select(cut => s.Out().Extents[cut.Axis] == s.In().Extents[cut.Axis] && cut.Step == 1 ? null : Axis(s, cut.Axis)).FirstOrDefault(reason => reason is not null);
    }

    /// <summary>Zeros where nothing was taken: turned round where the step is negative, spread where it is larger than 1, and zeros before and behind.</summary>
    private static Backward Slice(RuleScope s) => s.Copied(dy =>
    {
        var (rank, extents) = (s.In().Rank, s.Out().Extents.ToArray());
        foreach (var (axis, start, step) in Cuts(s))
        {
            var (first, count, extent, spread) = (start, extents[axis].Count, s.In().Extents[axis].Count, Math.Abs(step));
            if (extents[axis] == s.In().Extents[axis] && step == 1)
            {
                continue;
            }
            if (step < 0)
            {
                dy = s.Back.Slice(dy, -1, long.MinValue, axis, -1);
                first = start + ((count - 1) * step);
            }
            if (spread > 1)
            {
                var behind = new long[2 * (rank + 1)];
                behind[rank + 1 + axis + 1] = spread - 1;
                dy = s.Back.Pad(s.Back.Node("Unsqueeze", [dy, s.Back.Graph.Integers(axis + 1)]), behind);
                extents[axis] = new BatchExtent(count * spread, false);
                dy = s.Back.Reshape(dy, NodeWriter.Extents(new ValueShape(s.In().Type, extents)));
            }
            var pads = new long[2 * rank];
            (pads[axis], pads[rank + axis]) = (first, extent - first - (count * spread));
            dy = s.Back.Pad(dy, pads);
            extents[axis] = s.In().Extents[axis];
        }
        return dy;
    });

    /// <summary>Pads of all axes, starts and then ends; null where they are not constant.</summary>
    private static long[]? Pads(SourceNode s)
    {
        if (s.Integers(1) is not { } pads || (s.Has(3) && s.Integers(3) is null))
        {
            return null;
        }
        var rank = s.In().Rank;
        var axes = s.Integers(3) ?? [.. Enumerable.Range(0, rank).Select(axis => (long)axis)];
        var all = new long[2 * rank];
        for (var i = 0; i < axes.Count; i++)
        {
            var axis = SourceNode.FromFront(axes[i], rank);
            (all[axis], all[rank + axis]) = (pads[i], pads[axes.Count + i]);
        }
        return all;
    }

    private static string? RefusePad(SourceNode s) =>
        s.Text("mode", "constant") is not "constant" and var mode ? $"there is no rule for Pad with mode {mode}"
        : Pads(s) is null ? "the rule for Pad needs pads that are constants" : null;

    private static string? RefuseGather(SourceNode s)
    {
        var axis = s.Axis(0, s.In().Rank);
        var extent = s.In().Extents[axis];
        return s.Integers(1) is not { } indices ? "the rule for Gather needs indices that are constants"
            : extent.IsPerImage ? "the rule for Gather does not go along the batch"
            : indices.Count * extent.Count > LargestMatrix ? $"the rule for Gather goes up to {LargestMatrix} combinations of index and position, found {indices.Count * extent.Count}"
            : null;
    }

    /// <summary>Neighbours in their order get zeros around them; others are added up by a product with a matrix of zeros and ones.</summary>
    private static Backward Gather(RuleScope s)
    {
        var axis = s.Axis(0, s.In().Rank);
        var extent = s.In().Extents[axis].Count;
        var indices = s.Integers(1)!.Select(index => SourceNode.FromFront(index, extent)).ToArray();
        return s.Copied(dy =>
        {
            var w = s.Back;
            var isRun = indices.Index().All(index => index.Item == indices[0] + index.Index);
            if (isRun)
            {
                var shape = new ValueShape(s.In().Type, [.. s.In().Extents.Select((e, i) => i == axis ? new BatchExtent(indices.Length, false) : e)]);
                if (NodeWriter.Extents(shape) is { } extents)
                {
                    var pads = new long[2 * s.In().Rank];
                    (pads[axis], pads[s.In().Rank + axis]) = (indices[0], extent - indices[0] - indices.Length);
                    return w.Pad(w.Reshape(dy, extents), pads);
                }
            }
            var matrix = new float[extent * indices.Length];
            for (var i = 0; i < indices.Length; i++)
            {
                matrix[(indices[i] * indices.Length) + i] = 1;
            }
            var behind = s.In().Extents.Skip(axis + 1).Aggregate(new BatchExtent(1, false), Times);
            var places = w.Graph.Initializer(w.Name("places"), matrix, extent, indices.Length);
            if (behind.IsPerImage)
            {
                behind = new BatchExtent(-1, false);
            }
            var before = s.In().Extents.Take(axis).Aggregate(new BatchExtent(1, false), Times);
            var rows = w.Reshape(dy, before.IsPerImage ? -1 : before.Count, indices.Length, behind.Count);
            return s.LikeInput(w.Node("MatMul", [places, rows]));
        });

        static BatchExtent Times(BatchExtent a, BatchExtent b) => new(a.Count * b.Count, a.IsPerImage || b.IsPerImage);
    }
}
