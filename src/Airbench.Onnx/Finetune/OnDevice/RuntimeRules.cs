using System.Collections.Frozen;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Rules with the gradient operators that builds of ONNX Runtime for training have (tried with 1.19.2): fewer nodes than the
/// standard operators need, and less memory. What they do not have is as there.
/// </summary>
internal static class RuntimeRules
{
    /// <summary>The rules by operator.</summary>
    public static IReadOnlyDictionary<string, Rule> All { get; } = new Dictionary<string, Rule>
    {
        ["Conv"] = new(Conv),
        ["MaxPool"] = new(s => Pools.MaxPool(s, ToChosen)),
        ["GlobalMaxPool"] = new(s => Pools.GlobalMaxPool(s, ToChosen)),
        ["BatchNormalization"] = new(BatchNorm) { Inputs = [0, 1, 2] },
        ["Gelu"] = new(Gelu),
    }.ToFrozenDictionary();

    private static Backward Conv(RuleScope s)
    {
        s.Copy();
        return gradients =>
        {
            var dy = gradients[0]!;
            if (!s.Wants(1) && !s.Wants(2))   // ConvGrad has to give the weight's gradient, however little that is wanted
            {
                return [Convolutions.Gradients(s).Input(dy, s.X(1))];
            }
            return Node(s, "ConvGrad", [dy, s.X(), s.X(1)], [.. s.Node.Attribute], Output(s, 0, "dx"), s.Back.Name("dw"), Output(s, 2, "db"));
        };
    }

    /// <summary>The one gradient operator of the default domain; how large its output is, it reads from the graph.</summary>
    private static string ToChosen(RuleScope s, string dy, string chosen)
    {
        var dx = s.Back.Node("MaxPoolGrad", [dy, chosen]);
        s.Back.Graph.Describe(dx, DataType.Float, [.. s.In().Extents.Skip(1).Select(extent => extent.Count)]);
        return dx;
    }

    /// <remarks>
    /// BatchNormInternal with momentum 1 leaves the running statistics to us: its own would take in the biased variance, where PyTorch
    /// takes the unbiased one, n / (n - 1).
    /// </remarks>
    private static Backward BatchNorm(RuleScope s)
    {
        if (s.Statistics is not { } statistics)
        {
            return BatchNorms.Write(s);
        }
        var (a, epsilon) = (s.Ahead, s.Float("epsilon", 1e-5f));
        var (mean, inverse) = (a.Name("mean"), a.Name("inverse"));
        a.Graph.Node("BatchNormInternal", s.Y(), [s.X(), s.X(1), s.X(2), s.X(3), s.X(4)],
            [s.Y(), a.Name("kept_mean"), a.Name("kept_var"), mean, inverse],
            [Attribute.Float("epsilon", epsilon), Attribute.Float("momentum", 1), Attribute.Int("training_mode", 1)], Domains.Microsoft);
        var root = a.Node("Reciprocal", [inverse]);
        BatchNorms.Move(s, statistics, mean, a.Add(a.Mul(root, root), -epsilon), BatchNorms.Count(s, s.X()));
        return gradients => Node(s, "BatchNormalizationGrad", [gradients[0]!, s.X(), s.X(1), mean, inverse], [Attribute.Float("epsilon", epsilon)],
            s.Back.Name("dx"), s.Back.Name("dw"), s.Back.Name("db"));
    }

    private static Backward Gelu(RuleScope s)
    {
        s.Ahead.Graph.Node("Gelu", s.Y(), [s.X()], [s.Y()], [], Domains.Microsoft);
        return gradients => Node(s, "GeluGrad", [gradients[0]!, s.X()], [], s.Back.Name("dx"));
    }

    private static string Output(RuleScope s, int input, string name) => s.Wants(input) ? s.Back.Name(name) : "";

    /// <summary>A gradient operator, whose outputs are the gradients.</summary>
    private static string[] Node(RuleScope s, string op, ReadOnlySpan<string> inputs, Proto.AttributeProto[] attributes, params string[] outputs)
    {
        s.Back.Graph.Node(op, s.Back.Name(op), inputs, outputs, attributes, Domains.Microsoft);
        return outputs;
    }
}
