using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>Nodes that together are one function of one value.</summary>
/// <param name="Node">A node for the function, from the value to the last node's output.</param>
/// <param name="Parts">The nodes, the last one too. No other node reads what is between them.</param>
/// <param name="Rule">How it is differentiated.</param>
internal sealed record Composite(NodeProto Node, IReadOnlyList<NodeProto> Parts, Rule Rule);

/// <summary>
/// Functions that files spell out, differentiated as one: node by node the way back would go over the values half as often again, and share
/// nothing with the way ahead.
/// </summary>
internal static class Composites
{
    private const float Tolerance = 1e-3f;

    private static readonly Rule _gelu = new(Gelu), _silu = new(Silu);

    /// <summary>The function that ends in a node; null where there is none.</summary>
    /// <param name="graph">Its graph.</param>
    /// <param name="last">The node.</param>
    /// <param name="scalar">A constant of one element that does not learn, by name; null for all else.</param>
    public static Composite? Find(OnnxGraph graph, NodeProto last, Func<string, float?> scalar)
    {
        if (last.OpType != "Mul")
        {
            return null;
        }
        var parts = new List<NodeProto> { last };
        var factors = new List<string>();
        Multiply(last);
        return factors.Count switch
        {
            2 when Find("Sigmoid") is { } sigmoid && sigmoid.Input[0] == Rest(sigmoid) => Whole("Swish", sigmoid.Input[0], _silu),
            3 when factors.FindIndex(factor => Is(factor, 0.5f)) is >= 0 and var half && Distribution() is ({ } add, { } x)
                && factors.Where((_, i) => i != half).Single(factor => factor != add) == x => Whole("Gelu", x, _gelu),
            _ => null,
        };

        void Multiply(NodeProto product)   // products of products are one product
        {
            foreach (var factor in product.Input)
            {
                if (Inner(factor, "Mul") is { } node)
                {
                    Multiply(node);
                }
                else
                {
                    factors.Add(factor);
                }
            }
        }

        (string Add, string X)? Distribution()   // 1 + erf(x / sqrt 2)
        {
            return Find("Add") is { } add && Operand(add, 1) is { } sum && Inner(sum, "Erf") is { } erf
                && ((Inner(erf.Input[0], "Mul") is { } scaled ? Operand(scaled, MathF.Sqrt(0.5f)) : null)
                    ?? (Inner(erf.Input[0], "Div") is { } divided && Is(divided.Input[1], MathF.Sqrt(2)) ? divided.Input[0] : null)) is { } x
                ? (add.Output[0], x) : null;
        }

        string? Operand(NodeProto node, float other) => Is(node.Input[1], other) ? node.Input[0] : Is(node.Input[0], other) ? node.Input[1] : null;

        NodeProto? Find(string op) => factors.Select(factor => Inner(factor, op)).FirstOrDefault(node => node is not null);

        string Rest(NodeProto node) => factors.Single(factor => factor != node.Output[0]);

        bool Is(string name, float value) => scalar(name) is { } found && Math.Abs(found - value) < Tolerance * value;

        NodeProto? Inner(string value, string op)
        {
            if (graph.Producer(value) is { Domain: "" or "ai.onnx" } node && node.OpType == op && graph.Readers(value).Count == 1 && !graph.IsOutput(value))
            {
                if (!parts.Contains(node))
                {
                    parts.Add(node);
                }
                return node;
            }
            return null;
        }

        Composite Whole(string op, string x, Rule rule) => new(new NodeProto { OpType = op, Input = { x }, Output = { last.Output[0] } }, parts, rule);
    }

    private static Backward Gelu(RuleScope s)
    {
        var a = s.Ahead;
        var u = a.Mul(s.X(), (float)Math.Sqrt(0.5));
        var share = a.Mul(a.Add(a.Node("Erf", [u]), 1), 0.5f);
        a.Graph.Node("Mul", s.Y(), [s.X(), share]);
        return gradients => [Activations.Gelu(s.Back, u, share, gradients[0]!)];
    }

    /// <summary>y = x s with s = sigmoid(x): slope s + y (1 - s).</summary>
    private static Backward Silu(RuleScope s)
    {
        var sigmoid = s.Ahead.Node("Sigmoid", [s.X()]);
        s.Ahead.Graph.Node("Mul", s.Y(), [s.X(), sigmoid]);
        return gradients => [s.Back.Mul(gradients[0]!, s.Back.Add(sigmoid, s.Back.Mul(s.Y(), s.Back.OneLess(sigmoid))))];
    }
}
