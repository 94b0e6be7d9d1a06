namespace Airbench.Onnx;

/// <summary>Convolutions over one to three spatial axes.</summary>
internal static class Convolutions
{
    /// <summary>Images in a batch that the way of a convolution is chosen for: networks that are trained further have large images.</summary>
    private const int UsualBatch = 16;

    /// <summary>The rules by operator.</summary>
    public static IEnumerable<(string Op, Rule Rule)> Rules => [("Conv", new Rule(Conv) { Refuses = Refuse })];

    private static string? Refuse(SourceNode s) =>
        s.In(0).Extents.Skip(1).Any(extent => extent.IsPerImage) || !s.In(1).IsFixed
            ? $"the rule for Conv needs channels, planes and a kernel of fixed size, found {s.In(0)} and {s.In(1)}" : null;

    private static Backward Conv(RuleScope s)
    {
        var (kernel, group) = (s.In(1).Extents.Select(extent => extent.Count).ToArray(), s.Int("group", 1));
        var windows = Windows.Of(s, kernel[2..]);
        var convolution = new ConvolutionGradients(s.Back, windows, kernel[0], s.In().Extents[1].Count, group);
        if (Winograd(s, windows, group) is { } winograd)
        {
            return winograd;
        }
        return s.CopiedForAll((dy, input) => input switch
        {
            0 => convolution.Input(dy, s.X(1)),
            1 => convolution.Weight(dy, s.X()),
            _ => s.Back.Sum(dy, [0, .. Enumerable.Range(2, windows.Rank).Select(axis => (long)axis)], keep: false),
        });
    }

    /// <summary>The convolution after Winograd where that is faster; null where not.</summary>
    private static Backward? Winograd(RuleScope s, Windows windows, long group)
    {
        var isPlain = windows is { Rank: 2, IsDense: true } && group == 1 && windows.Dilations.All(d => d == 1) &&
            windows.Kernel.All(k => k == Onnx.Winograd.Taps) && windows.Begin.Append(windows.End(0)).Append(windows.End(1)).Distinct().Count() == 1;
        if (!isPlain || s.Has(2))
        {
            return null;
        }
        var (input, output) = (Plane(s.In()), Plane(s.Out()));
        var layer = new ConvLayer(s.Y(), input.Channels, output.Channels, Onnx.Winograd.Taps, (int)windows.Begin[0]);
        if (!WinogradConvolution.Pays(layer, input, output, UsualBatch))
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
