using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>Pools over windows and over whole planes.</summary>
internal static class Pools
{
    /// <summary>The rules by operator.</summary>
    public static IEnumerable<(string Op, Rule Rule)> Rules =>
    [
        ("MaxPool", new Rule(s => MaxPool(s, ToChosen)) { Refuses = s => s.Int("storage_order", 0) != 0 ? "there is no rule for MaxPool with storage_order 1" : Open(s) }),
        ("GlobalMaxPool", new Rule(s => GlobalMaxPool(s, ToChosen)) { Refuses = Open }),
        ("AveragePool", new Rule(AveragePool) { Refuses = Open }),
    ];

    private static string? Open(SourceNode s) => s.In().Extents.Skip(1).Any(extent => extent.IsPerImage)
        ? $"the rule for {s.Node.OpType} needs channels and planes of fixed size, found {s.In()}" : null;

    /// <summary>Of equal values the first counts: the operator's second output says which.</summary>
    /// <param name="s">The pool.</param>
    /// <param name="toChosen">Writes the gradient of the input from that of the output and the second output.</param>
    public static Backward MaxPool(RuleScope s, Func<RuleScope, string, string, string> toChosen)
    {
        if (s.Outputs.Count > 1 && s.Outputs[1].Length > 0)
        {
            s.Copy();
            return gradients => [toChosen(s, gradients[0]!, s.Y(1))];
        }
        var chosen = s.Ahead.Name("chosen");
        s.CopyWith([s.Y(), chosen]);
        return gradients => [toChosen(s, gradients[0]!, chosen)];
    }

    /// <summary>As a max pool with one window.</summary>
    /// <inheritdoc cref="MaxPool"/>
    public static Backward GlobalMaxPool(RuleScope s, Func<RuleScope, string, string, string> toChosen)
    {
        var chosen = s.Ahead.Name("chosen");
        long[] plane = [.. s.In().Extents.Skip(2).Select(extent => extent.Count)];
        s.Ahead.Graph.Node("MaxPool", s.Y(), [s.X()], [s.Y(), chosen], [Attribute.Ints("kernel_shape", plane)]);
        return gradients => [toChosen(s, gradients[0]!, chosen)];
    }

    /// <summary>
    /// Puts gradients among zeros where <paramref name="chosen"/> says; its positions count from the tensor's first element. Windows that overlap may
    /// have chosen the same element, which gets their sum.
    /// </summary>
    private static string ToChosen(RuleScope s, string dy, string chosen)
    {
        var w = s.Back;
        // From the size of the gradient: that of the input itself would keep the input in memory until here.
        var (inputs, outputs) = (PerImage(s.In()), PerImage(s.Out()));
        var size = w.Node("Div", [w.Node("Size", [dy]), w.Graph.Integer(FormattableString.Invariant($"integer.{outputs}"), outputs)]);
        var length = w.Reshape(w.Node("Mul", [size, w.Graph.Integer(FormattableString.Invariant($"integer.{inputs}"), inputs)]), 1);
        AttributeProto[] sum = Overlap(s) ? [Attribute.Text("reduction", "add")] : [];
        var flat = w.Node("ScatterElements", [w.Node("ConstantOfShape", [length]), w.Reshape(chosen, -1), w.Reshape(dy, -1)], [Attribute.Int("axis", 0), .. sum]);
        return s.LikeInput(flat);
    }

    private static long PerImage(ValueShape shape) => shape.Extents.Skip(1).Aggregate(1L, (product, extent) => product * extent.Count);

    private static bool Overlap(RuleScope s) => s.Ints("kernel_shape") is { } kernel && Windows.Of(s, kernel) is var windows &&
        Enumerable.Range(0, windows.Rank).Any(axis => windows.Strides[axis] < windows.Span(axis));

    /// <summary>
    /// Each element of a window gets the window's gradient over its divisor. The divisor is the operator's own, by its answer to ones:
    /// runtimes differ in whether what ceil_mode adds counts.
    /// </summary>
    private static Backward AveragePool(RuleScope s) => s.Copied(dy =>
    {
        var w = s.Back;
        var windows = Windows.Of(s, s.Ints("kernel_shape")!);
        var (input, output) = (windows.Input, windows.Output);
        var ones = new float[input.Aggregate(1L, (product, extent) => product * extent)];
        Array.Fill(ones, 1);
        var answer = w.Node("AveragePool", [w.Graph.Initializer(w.Name("ones"), ones, [1, 1, .. input])], [.. s.Node.Attribute]);
        answer = w.Reshape(answer, [1, 1, .. output]);   // ONNX's shape inference counts a window that ceil_mode would add and ONNX Runtime does not have
        var share = w.Div(answer, w.Graph.Initializer(w.Name("seen"), [.. windows.Seen().Select(seen => Math.Max(seen, 1))], [1, 1, .. output]));
        var planes = w.Reshape(w.Mul(dy, share), [-1, 1, .. output]);
        var taps = new float[windows.Kernel.Aggregate(1L, (product, extent) => product * extent)];
        Array.Fill(taps, 1);
        var kernel = w.Graph.Initializer(w.Name("taps"), taps, [1, 1, .. windows.Kernel]);
        return s.LikeInput(w.Node("ConvTranspose", [planes, kernel], windows.Transposed));
    });
}
