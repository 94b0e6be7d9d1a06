using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>Functions of one value: the gradient is that of the output times the slope.</summary>
internal static class Activations
{
    /// <summary>The rules by operator.</summary>
    public static IEnumerable<(string Op, Rule Rule)> Rules =>
    [
        ("Relu", Of((w, x, y, dy) => w.Only(w.Greater(y, 0), dy))),
        ("Sigmoid", Of((w, x, y, dy) => w.Mul(dy, w.Mul(y, w.OneLess(y))))),
        ("Tanh", Of((w, x, y, dy) => w.Mul(dy, w.OneLess(w.Mul(y, y))))),
        ("Erf", Of((w, x, y, dy) => w.Mul(dy, w.Mul(w.Node("Exp", [w.Node("Neg", [w.Mul(x, x)])]), (float)(2 / Math.Sqrt(Math.PI)))))),
        ("Exp", Of((w, x, y, dy) => w.Mul(dy, y))),
        ("Log", Of((w, x, y, dy) => w.Div(dy, x))),
        ("Sqrt", Of((w, x, y, dy) => w.Div(w.Mul(dy, 0.5f), y))),
        ("Neg", Of((w, x, y, dy) => w.Node("Neg", [dy]))),
        ("Abs", Of((w, x, y, dy) => w.Mul(dy, w.Node("Sign", [x])))),
        ("Reciprocal", Of((w, x, y, dy) => w.Node("Neg", [w.Mul(dy, w.Mul(y, y))]))),
        ("Softplus", Of((w, x, y, dy) => w.Mul(dy, w.Node("Sigmoid", [x])))),
        ("LeakyRelu", new Rule(s => s.Copied(dy => s.Back.Where(s.Back.Greater(s.X(), 0), dy, s.Back.Mul(dy, s.Float("alpha", 0.01f)))))),
        ("Elu", new Rule(s => s.Copied(dy =>   // below 0: alpha exp x = y + alpha
            s.Back.Where(s.Back.Greater(s.X(), 0), dy, s.Back.Mul(dy, s.Back.Add(s.Y(), s.Float("alpha", 1))))))),
        ("HardSigmoid", new Rule(s => s.Copied(dy => s.Back.Only(Between(s.Back, s.Y()), s.Back.Mul(dy, s.Float("alpha", 0.2f)))))),
        ("HardSwish", Of(HardSwish)),
        ("Gelu", new Rule(s => s.Copied(dy => s.Text("approximate", "none") == "tanh" ? TanhGelu(s.Back, s.X(), dy) : Gelu(s.Back, s.X(), dy)))),
        ("Identity", Of((w, x, y, dy) => dy)),
        ("Dropout", new Rule(Dropout) { Inputs = [0] }),   // in deployment it passes all on
        ("Clip", new Rule(s => s.Copied(dy => s.Back.Only(s.Back.Node("Equal", [s.X(), s.Y()]), dy))) { Inputs = [0] }),
        ("Cast", new Rule(s => s.Copied(dy => s.Back.Cast(dy, s.In().Type)))),
    ];

    private static Rule Of(Func<NodeWriter, string, string, string, string> gradient) =>
        new(s => s.Copied(dy => gradient(s.Back, s.X(), s.Y(), dy)));

    /// <summary>Whether a value is inside of (0, 1).</summary>
    private static string Between(NodeWriter w, string y) => w.Node("And", [w.Greater(y, 0), w.Less(y, 1)]);

    /// <summary>x s with s = clip(x / 6 + 1 / 2): s + x / 6 where s is inside, else s.</summary>
    private static string HardSwish(NodeWriter w, string x, string y, string dy)
    {
        var s = w.Node("HardSigmoid", [x], Attribute.Float("alpha", 1 / 6f), Attribute.Float("beta", 0.5f));
        return w.Mul(dy, w.Add(s, w.Only(Between(w, s), w.Mul(x, 1 / 6f))));
    }

    private static string Gelu(NodeWriter w, string x, string dy)
    {
        var u = w.Mul(x, (float)Math.Sqrt(0.5));
        return Gelu(w, u, w.Mul(w.Add(w.Node("Erf", [u]), 1), 0.5f), dy);
    }

    /// <summary>Slope Phi(x) + x phi(x): (1 + erf u) / 2 + u exp(-u^2) / sqrt pi with u = x / sqrt 2.</summary>
    /// <param name="w">Where to.</param>
    /// <param name="u">x / sqrt 2.</param>
    /// <param name="share">Phi(x).</param>
    /// <param name="dy">Gradient of the output.</param>
    public static string Gelu(NodeWriter w, string u, string share, string dy)
    {
        var bell = w.Node("Exp", [w.Node("Neg", [w.Mul(u, u)])]);
        return w.Mul(dy, w.Add(share, w.Mul(w.Mul(u, bell), (float)(1 / Math.Sqrt(Math.PI)))));
    }

    /// <summary>y = x (1 + t) / 2, t = tanh(c (x + a x^3)): slope (1 + t) / 2 + x (1 - t^2) c (1 + 3 a x^2) / 2.</summary>
    private static string TanhGelu(NodeWriter w, string x, string dy)
    {
        const float Cubic = 0.044715f;
        var c = (float)Math.Sqrt(2 / Math.PI);
        var square = w.Mul(x, x);
        var t = w.Node("Tanh", [w.Mul(w.Mul(x, w.Add(w.Mul(square, Cubic), 1)), c)]);
        var inner = w.Mul(w.Add(w.Mul(square, 3 * Cubic), 1), c / 2);
        return w.Mul(dy, w.Add(w.Mul(w.Add(t, 1), 0.5f), w.Mul(w.Mul(x, w.OneLess(w.Mul(t, t))), inner)));
    }

    private static Backward Dropout(RuleScope s)
    {
        s.Ahead.Graph.Node("Identity", s.Y(), [s.X()], [s.Y()], []);
        if (s.Outputs.Count > 1 && s.Outputs[1].Length > 0)   // the mask
        {
            s.Ahead.Graph.Node("Cast", s.Y(1), [s.Ahead.Node("ConstantOfShape", [s.Ahead.ShapeOf(s.X())], One)], [s.Y(1)], [Attribute.Int("to", (long)DataType.Bool)]);
        }
        return gradients => [gradients[0]];
    }

    private static Proto.AttributeProto One => Attribute.Tensor("value", Tensors.Create<float>("", DataType.Float, [1], 1));
}
