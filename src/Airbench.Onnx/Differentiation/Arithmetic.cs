using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>Functions of several values that are broadcast to each other: what was repeated gets the sum of its gradients.</summary>
internal static class Arithmetic
{
    /// <summary>The rules by operator.</summary>
    public static IEnumerable<(string Op, Rule Rule)> Rules =>
    [
        ("Add", Of((s, dy, input) => dy)),
        ("Sum", Of((s, dy, input) => dy)),
        ("Sub", Of((s, dy, input) => input == 0 ? dy : s.Back.Node("Neg", [dy]))),
        ("Mul", Of((s, dy, input) => s.Back.Mul(dy, s.X(1 - input)))),
        ("Div", Of((s, dy, input) => input == 0 ? s.Back.Div(dy, s.X(1)) : s.Back.Node("Neg", [s.Back.Mul(dy, s.Back.Div(s.Y(), s.X(1)))]))),
        ("Mean", Of((s, dy, input) => s.Back.Mul(dy, 1f / s.Node.Input.Count))),
        ("Max", Of(Chosen)),
        ("Min", Of(Chosen)),
        ("Pow", Of(Pow)),
        ("PRelu", Of(PRelu)),
        ("Where", Of((s, dy, input) => input == 1 ? s.Back.Only(s.X(), dy) : s.Back.Where(s.X(), s.Back.Scalar(0), dy))),
    ];

    /// <param name="gradient">The gradient of an input, in the shape of the output.</param>
    private static Rule Of(Func<RuleScope, string, int, string> gradient) =>
        new(s => s.CopiedForAll((dy, input) => s.Back.SumTo(gradient(s, dy, input), s.Out(), s.In(input))));

    /// <summary>Of equal values each gets its share.</summary>
    private static string Chosen(RuleScope s, string dy, int input)
    {
        var w = s.Back;
        var isChosen = Enumerable.Range(0, s.Node.Input.Count).Select(i => w.Cast(w.Node("Equal", [s.X(i), s.Y()]), DataType.Float)).ToArray();
        return isChosen.Length == 1 ? dy : w.Mul(dy, w.Div(isChosen[input], w.Node("Sum", isChosen)));
    }

    /// <summary>y = a^b: b a^(b - 1), and y log a, where a is 0 its limit 0.</summary>
    private static string Pow(RuleScope s, string dy, int input)
    {
        var w = s.Back;
        var (a, b) = (s.X(0), s.In(1).Type == DataType.Float ? s.X(1) : w.Cast(s.X(1), DataType.Float));
        return input == 0
            ? w.Mul(dy, w.Mul(b, w.Node("Pow", [a, w.Add(b, -1)])))
            : w.Mul(dy, w.Where(w.Node("Equal", [a, w.Scalar(0)]), w.Scalar(0), w.Mul(s.Y(), w.Node("Log", [a]))));
    }

    private static string PRelu(RuleScope s, string dy, int input)
    {
        var w = s.Back;
        var isOpen = w.Greater(s.X(), 0);
        return input == 0 ? w.Where(isOpen, dy, w.Mul(dy, s.X(1))) : w.Where(isOpen, w.Scalar(0), w.Mul(dy, s.X()));
    }
}
