using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>Pools over windows and over whole planes.</summary>
internal static class Pools
{
    /// <summary>The rules by operator.</summary>
    public static IEnumerable<(string Op, Rule Rule)> Rules =>
    [
        ("MaxPool", new Rule(MaxPool) { Refuses = s => s.Int("storage_order", 0) != 0 ? "there is no rule for MaxPool with storage_order 1" : Open(s) }),
        ("GlobalMaxPool", new Rule(GlobalMaxPool) { Refuses = Open }),
        ("AveragePool", new Rule(AveragePool) { Refuses = Open }),
    ];

    private static string? Open(SourceNode s) => s.In().Extents.Skip(1).Any(extent => extent.IsPerImage)
        ? $"the rule for {s.Node.OpType} needs channels and planes of fixed size, found {s.In()}" : null;

    /// <summary>Of equal values the first counts: the operator's second output says which.</summary>
    private static Backward MaxPool(RuleScope s)
    {
        if (s.Outputs.Count > 1 && s.Outputs[1].Length > 0)
        {
            s.Copy();
            return gradients => [ToChosen(s, gradients[0]!, s.Y(1))];
        }
        var chosen = s.Ahead.Name("chosen");
        s.CopyWith([s.Y(), chosen]);
        return gradients => [ToChosen(s, gradients[0]!, chosen)];
    }

    /// <summary>As a max pool with one window.</summary>
    private static Backward GlobalMaxPool(RuleScope s)
    {
        var chosen = s.Ahead.Name("chosen");
        long[] plane = [.. s.In().Extents.Skip(2).Select(extent => extent.Count)];
        s.Ahead.Graph.Node("MaxPool", s.Y(), [s.X()], [s.Y(), chosen], [Attribute.Ints("kernel_shape", plane)]);
        return gradients => [ToChosen(s, gradients[0]!, chosen)];
    }

    /// <summary>
    /// Adds to zeros where <paramref name="chosen"/> says; its positions count from the tensor's first element. Windows that overlap may have chosen
    /// the same element.
    /// </summary>
    private static string ToChosen(RuleScope s, string dy, string chosen)
    {
        var w = s.Back;
        var length = w.Reshape(w.Node("Size", [s.X()]), 1);
        var flat = w.Node("ScatterElements", [w.Node("ConstantOfShape", [length]), w.Reshape(chosen, -1), w.Reshape(dy, -1)],
            Attribute.Int("axis", 0), Attribute.Text("reduction", "add"));
        return s.LikeInput(flat);
    }

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
