namespace Airbench.Onnx;

/// <summary>Products of matrices.</summary>
internal static class Products
{
    /// <summary>The rules by operator.</summary>
    public static IEnumerable<(string Op, Rule Rule)> Rules => [("Gemm", new Rule(Gemm)), ("MatMul", new Rule(s => s.CopiedForAll((dy, input) => MatMul(s, dy, input))))];

    /// <summary>Y = alpha A' B' + beta C, with A' and B' transposed where the node says so.</summary>
    private static Backward Gemm(RuleScope s)
    {
        var (alpha, a, b) = (Attribute.Float("alpha", s.Float("alpha", 1)), s.Int("transA", 0), s.Int("transB", 0));
        return s.CopiedForAll((dy, input) => input switch
        {
            0 when a == 0 => Product(dy, s.X(1), 0, 1 - b),
            0 => Product(s.X(1), dy, b, 1),
            1 when b == 0 => Product(s.X(0), dy, 1 - a, 0),
            1 => Product(dy, s.X(0), 1, a),
            _ => s.Back.Mul(s.Back.SumTo(dy, s.Out(), s.In(2)), s.Float("beta", 1)),
        });

        string Product(string left, string right, long transA, long transB) =>
            s.Back.Node("Gemm", [left, right], alpha, Attribute.Int("transA", transA), Attribute.Int("transB", transB));
    }

    /// <summary>A list stands for a matrix of one row on the left and of one column on the right.</summary>
    private static string MatMul(RuleScope s, string dy, int input)
    {
        var w = s.Back;
        var (a, b) = (s.In(0), s.In(1));
        if (input == 1 && b is { Rank: 2, IsFixed: true } && a.Rank >= 2)   // a weight: one product over all rows
        {
            return w.Node("Gemm", [w.Reshape(s.X(0), -1, b.Extents[0].Count), w.Reshape(dy, -1, b.Extents[1].Count)], Attribute.Int("transA", 1));
        }
        var (x0, x1) = (s.X(0), s.X(1));
        var y = s.Out();
        if (a.Rank == 1)
        {
            (a, x0) = (With(a, 0), w.Node("Unsqueeze", [x0, w.Graph.Integers(0)]));
            dy = w.Node("Unsqueeze", [dy, w.Graph.Integers(b.Rank == 1 ? 0 : -2)]);
            y = With(y, b.Rank == 1 ? 0 : y.Rank - 1);
        }
        if (b.Rank == 1)
        {
            (b, x1) = (With(b, 1), w.Node("Unsqueeze", [x1, w.Graph.Integers(1)]));
            dy = w.Node("Unsqueeze", [dy, w.Graph.Integers(-1)]);
            y = With(y, y.Rank);
        }
        var (left, right, to) = input == 0 ? (dy, w.SwapLast(x1, b.Rank), a) : (w.SwapLast(x0, a.Rank), dy, b);
        var product = w.Node("MatMul", [left, right]);
        var shape = new ValueShape(y.Type, [.. y.Extents.SkipLast(2), to.Extents[^2], to.Extents[^1]]);
        var sum = w.SumTo(product, shape, to);
        return to.Rank == s.In(input).Rank ? sum : s.LikeInput(sum, input);

        static ValueShape With(ValueShape shape, int axis) => shape with { Extents = [.. shape.Extents.Take(axis), new BatchExtent(1, false), .. shape.Extents.Skip(axis)] };
    }
}
