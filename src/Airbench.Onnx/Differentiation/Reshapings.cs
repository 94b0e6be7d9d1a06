namespace Airbench.Onnx;

/// <summary>The same elements in another shape or order, or repeated.</summary>
internal static class Reshapings
{
    /// <summary>The rules by operator.</summary>
    public static IEnumerable<(string Op, Rule Rule)> Rules =>
    [
        ("Reshape", Reshaped), ("Flatten", Reshaped), ("Squeeze", Reshaped), ("Unsqueeze", Reshaped),
        ("Transpose", new Rule(s => s.Copied(dy => s.Back.Transpose(dy, Inverse(s))))),
        ("Expand", new Rule(s => s.Copied(dy => s.Back.SumTo(dy, s.Out(), s.In())))),
    ];

    private static Rule Reshaped => new(s => s.Copied(dy => s.LikeInput(dy)));

    private static long[] Inverse(SourceNode node)
    {
        var rank = node.In().Rank;
        var axes = node.Ints("perm") ?? [.. Enumerable.Range(0, rank).Select(axis => (long)(rank - 1 - axis))];
        var inverse = new long[rank];
        for (var i = 0; i < rank; i++)
        {
            inverse[axes[i]] = i;
        }
        return inverse;
    }
}
