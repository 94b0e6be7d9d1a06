namespace Airbench.Onnx;

/// <summary>Convolutions over one to three spatial axes.</summary>
internal static class Convolutions
{
    /// <summary>The rules by operator.</summary>
    public static IEnumerable<(string Op, Rule Rule)> Rules => [("Conv", new Rule(Conv) { Refuses = Refuse })];

    private static string? Refuse(SourceNode s) =>
        s.In(0).Extents.Skip(1).Any(extent => extent.IsPerImage) || !s.In(1).IsFixed
            ? $"the rule for Conv needs channels, planes and a kernel of fixed size, found {s.In(0)} and {s.In(1)}" : null;

    private static Backward Conv(RuleScope s)
    {
        if (Winograd(s) is { } winograd)
        {
            return winograd;
        }
        var (windows, convolution) = (WindowsOf(s), Gradients(s));
        return s.CopiedForAll((dy, input) => input switch
        {
            0 => convolution.Input(dy, s.X(1)),
            1 => convolution.Weight(dy, s.X()),
            _ => s.Back.Sum(dy, [0, .. Enumerable.Range(2, windows.Rank).Select(axis => (long)axis)], keep: false),
        });
    }

    /// <summary>What writes the gradients of a convolution directly.</summary>
    public static ConvolutionGradients Gradients(RuleScope s) =>
        new(s.Back, WindowsOf(s), s.In(1).Extents[0].Count, s.In().Extents[1].Count, s.Int("group", 1));

    private static Windows WindowsOf(RuleScope s) => Windows.Of(s, [.. s.In(1).Extents.Skip(2).Select(extent => extent.Count)]);

    /// <summary>The convolution after Winograd where that is faster; null where not.</summary>
    private static Backward? Winograd(RuleScope s)
    {
        var (windows, group) = (WindowsOf(s), s.Int("group", 1));
        var isPlain = windows is { Rank: 2, IsDense: true } && group == 1 && windows.Dilations.All(d => d == 1) &&
            windows.Kernel.All(k => k == Onnx.Winograd.Taps) && windows.Begin.Append(windows.End(0)).Append(windows.End(1)).Distinct().Count() == 1;
        if (!isPlain || s.Has(2))
        {
            return null;
        }
        var (input, output) = (Plane(s.In()), Plane(s.Out()));
        var layer = new ConvLayer(s.Y(), input.Channels, output.Channels, Onnx.Winograd.Taps, (int)windows.Begin[0]);
        if (!WinogradConvolution.Pays(layer, input, output, s.Images))
        {
            return null;
        }
        var written = new WinogradConvolution(s.Ahead.Graph, layer, s.X(1), input, output).Write(s.X());
        return gradients =>
        {
            var found = written.Backward!(gradients[0]!, new Wanted(s.Wants(0), s.Wants(1)));
            return [found.Input, found.Weight];
        };
    }

    private static Plane Plane(ValueShape shape) => new((int)shape.Extents[1].Count, (int)shape.Extents[2].Count, (int)shape.Extents[3].Count);
}
