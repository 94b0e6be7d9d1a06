namespace Airbench.Onnx;

/// <summary>What a convolution or a pool slides over its input, an entry for each spatial axis; <c>auto_pad</c> is resolved.</summary>
/// <param name="Kernel">Extents of the window.</param>
/// <param name="Strides">Steps between windows.</param>
/// <param name="Dilations">Steps between the taps of a window.</param>
/// <param name="Begin">Zeros before the input.</param>
/// <param name="Input">Extents of the input.</param>
/// <param name="Output">Number of windows.</param>
internal sealed record Windows(long[] Kernel, long[] Strides, long[] Dilations, long[] Begin, long[] Input, long[] Output)
{
    /// <summary>Number of spatial axes.</summary>
    public int Rank => Kernel.Length;

    /// <summary>Whether all windows are next to each other on the input, without dilation.</summary>
    public bool IsDense => Strides.All(stride => stride == 1);

    /// <summary>Of a node whose first input has the shape (N, C, spatial axes).</summary>
    /// <param name="node">The node.</param>
    /// <param name="kernel">Its window.</param>
    public static Windows Of(SourceNode node, long[] kernel)
    {
        var rank = kernel.Length;
        var ones = Enumerable.Repeat(1L, rank).ToArray();
        var windows = new Windows(
            kernel, node.Ints("strides") ?? ones, node.Ints("dilations") ?? ones, (node.Ints("pads") ?? new long[2 * rank])[..rank],
            [.. node.In().Extents.Skip(2).Select(extent => extent.Count)], [.. node.Out().Extents.Skip(2).Select(extent => extent.Count)]);
        return node.Text("auto_pad", "NOTSET") switch
        {
            "SAME_UPPER" => windows with { Begin = windows.Same(upper: true) },
            "SAME_LOWER" => windows with { Begin = windows.Same(upper: false) },
            "VALID" => windows with { Begin = new long[rank] },
            _ => windows,
        };
    }

    /// <summary>From the first element that a window sees to behind the last, along an axis; what is padded counts.</summary>
    public long Reach(int axis) => ((Output[axis] - 1) * Strides[axis]) + Span(axis);

    /// <summary>Elements of the input, padding included, from a window's first tap to its last.</summary>
    public long Span(int axis) => ((Kernel[axis] - 1) * Dilations[axis]) + 1;

    /// <summary>Zeros after the input that windows see; negative where the last elements are seen by none.</summary>
    public long End(int axis) => Reach(axis) - Begin[axis] - Input[axis];

    /// <summary>Attributes pads, and output_padding where windows do not reach the end, of the transposed convolution that leads back to the input.</summary>
    public Proto.AttributeProto[] Transposed =>
    [
        Attribute.Ints("kernel_shape", Kernel), Attribute.Ints("strides", Strides), Attribute.Ints("dilations", Dilations),
        Attribute.Ints("pads", [.. Begin, .. Axes.Select(axis => Math.Max(End(axis), 0))]),
        Attribute.Ints("output_padding", [.. Axes.Select(axis => Math.Max(-End(axis), 0))]),
    ];

    /// <summary>Number of elements of the input, without padding, in each window, row-major.</summary>
    public float[] Seen()
    {
        float[] seen = [1];
        foreach (var axis in Axes)
        {
            var along = Enumerable.Range(0, (int)Output[axis]).Select(window => (float)Enumerable.Range(0, (int)Kernel[axis]).Count(tap =>
                (window * Strides[axis]) + (tap * Dilations[axis]) - Begin[axis] is var at && at >= 0 && at < Input[axis])).ToArray();
            seen = [.. seen.SelectMany(before => along.Select(count => before * count))];
        }
        return seen;
    }

    private IEnumerable<int> Axes => Enumerable.Range(0, Rank);

    private long[] Same(bool upper) => [.. Axes.Select(axis =>
    {
        var total = Math.Max(Reach(axis) - Input[axis], 0);
        return upper ? total / 2 : total - (total / 2);
    })];
}
