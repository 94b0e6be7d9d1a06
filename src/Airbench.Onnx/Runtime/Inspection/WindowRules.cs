namespace Airbench.Onnx;

/// <summary>Least shapes behind operators that slide a window over images: convolutions and pools.</summary>
internal static class WindowRules
{
    /// <summary>A convolution; of an unknown image, by its weights and pads alone.</summary>
    public static long[]? Convolution(NodeShapes at, int weights)
    {
        if (at.Shape(weights) is not { Length: > 2 } weight)
        {
            return null;
        }
        var x = at.Shape(0) is { } known && known.Length == weight.Length ? known : Extents.Ones(weight.Length);
        return [x[0], weight[0], .. Slide(at.Node, x[2..], weight[2..])];
    }

    /// <summary>A pool.</summary>
    public static long[]? Pool(NodeShapes at)
    {
        var kernel = at.Node.Ints("kernel_shape");
        var x = at.Shape(0) is { } known && known.Length == kernel.Count + 2 ? known : Extents.Ones(kernel.Count + 2);
        return kernel.Count == 0 ? null : [x[0], x[1], .. Slide(at.Node, x[2..], kernel)];
    }

    /// <summary>A convolution turned round, or the inverse of a max pool.</summary>
    public static long[]? Spread(NodeShapes at, IReadOnlyList<long> kernel, long channels)
    {
        var x = at.Shape(0) is { } known && known.Length == kernel.Count + 2 ? known : Extents.Ones(kernel.Count + 2);
        var (asked, strides, dilations, pads, more) =
            (at.Node.Ints("output_shape"), at.Node.Ints("strides"), at.Node.Ints("dilations"), at.Node.Ints("pads"), at.Node.Ints("output_padding"));
        var spatial = kernel.Select((k, i) => asked.Count >= kernel.Count
            ? Math.Max(1, asked[asked.Count - kernel.Count + i])
            : Extents.AtLeastOne((double)(((Int128)Get(strides, i, 1) * (x[i + 2] - 1)) + Get(more, i, 0) + ((Int128)Get(dilations, i, 1) * (k - 1)) + 1 -
                Get(pads, i, 0) - Get(pads, i + kernel.Count, 0))));
        return [x[0], channels, .. spatial];
    }

    private static IEnumerable<long> Slide(NodeFacts node, long[] extents, IReadOnlyList<long> kernel)
    {
        var (strides, dilations, pads, autoPad) = (node.Ints("strides"), node.Ints("dilations"), node.Ints("pads"), node.Text("auto_pad"));
        return extents.Select((extent, i) => Extents.Windows(
            extent, Get(kernel, i, 1), Get(strides, i, 1), Get(dilations, i, 1), (Int128)Get(pads, i, 0) + Get(pads, i + extents.Length, 0), autoPad));
    }

    private static long Get(IReadOnlyList<long> list, int i, long otherwise) => i < list.Count ? list[i] : otherwise;
}
