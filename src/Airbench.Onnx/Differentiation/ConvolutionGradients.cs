namespace Airbench.Onnx;

/// <summary>Gradients of a convolution, of any groups, strides, dilations and number of spatial axes.</summary>
/// <param name="writer">Where to.</param>
/// <param name="windows">What slides over the input.</param>
/// <param name="outputs">Channels of the output.</param>
/// <param name="inputs">Channels of the input.</param>
/// <param name="groups">Groups of channels with weights of their own.</param>
internal sealed class ConvolutionGradients(NodeWriter writer, Windows windows, long outputs, long inputs, long groups)
{
    /// <summary>Positions of the output up to which images stand beside each other in one product, and are not added up afterwards.</summary>
    private const long FewPositions = 400;

    private readonly int _rank = windows.Rank;

    private long Taps => windows.Kernel.Aggregate(1L, (product, extent) => product * extent);

    private long Positions => windows.Output.Aggregate(1L, (product, extent) => product * extent);

    /// <summary>dX.</summary>
    /// <remarks>
    /// Without stride it is the convolution of dY with the kernel turned by half a turn, inputs and outputs exchanged: ONNX Runtime's Conv does more
    /// arithmetic a second than its ConvTranspose.
    /// </remarks>
    public string Input(string dy, string weight)
    {
        long[] pads =
        [
            .. Axes.Select(axis => windows.Span(axis) - 1 - windows.Begin[axis]), .. Axes.Select(axis => windows.Span(axis) - 1 - windows.End(axis)),
        ];
        if (!windows.IsDense || pads.Any(pad => pad < 0))
        {
            return writer.Node("ConvTranspose", [dy, weight], [.. windows.Transposed, Attribute.Int("group", groups)]);
        }
        var (outs, ins) = (outputs / groups, inputs / groups);
        var byGroup = writer.Reshape(weight, groups, outs, ins, Taps);
        var turned = writer.Transpose(byGroup, 0, 2, 1, 3);
        if (Taps > 1)
        {
            // Half a turn is the reverse order of the taps: a product with a permutation, as a Slice with negative steps copies one by one.
            turned = writer.Node("MatMul", [writer.Reshape(turned, -1, Taps), Reverse()]);
        }
        turned = writer.Reshape(turned, [inputs, outs, .. windows.Kernel]);
        return writer.Node("Conv", [dy, turned],
            Attribute.Ints("kernel_shape", windows.Kernel), Attribute.Ints("pads", pads), Attribute.Ints("dilations", windows.Dilations), Attribute.Int("group", groups));
    }

    /// <summary>dW: for each tap the product of dY with the input as that tap sees it.</summary>
    /// <remarks>One product of all taps side by side would need their concatenation, nine times the input, and took longer.</remarks>
    public string Weight(string dy, string x)
    {
        var pads = new long[2 * (_rank + 2)];
        foreach (var axis in Axes)
        {
            (pads[2 + axis], pads[_rank + 4 + axis]) = (windows.Begin[axis], Math.Max(windows.End(axis), 0));
        }
        x = writer.Pad(x, pads);
        if (inputs == groups)
        {
            return Depthwise(dy, x);
        }
        return Positions <= FewPositions || groups > 1 ? OverAllImages(dy, x) : ImageByImage(dy, x);
    }

    /// <summary>(Out, N h w) times (N h w, In): images are moved to the positions first.</summary>
    private string OverAllImages(string dy, string x)
    {
        var (outs, ins) = (outputs / groups, inputs / groups);
        long[] perm = [1, 0, .. Axes.Select(axis => axis + 2L)];
        var byChannel = writer.Transpose(x, perm);                                                        // (In, N, H, W)
        var rows = writer.Reshape(writer.Transpose(dy, perm), groups, outs, -1);                          // (G, Out / G, N h w)
        string[] products = [.. Views(byChannel).Select(view => groups == 1
            ? writer.Node("Gemm", [writer.Reshape(rows, outs, -1), writer.Reshape(view, ins, -1)], Attribute.Int("transB", 1))
            : writer.Node("MatMul", [rows, writer.Transpose(writer.Reshape(view, groups, ins, -1), 0, 2, 1)]))];
        return Together(products);
    }

    /// <summary>(N, Out, h w) times (N, h w, In), summed over the images: no activation is transposed.</summary>
    private string ImageByImage(string dy, string x)
    {
        var rows = writer.Reshape(dy, -1, outputs, Positions);
        string[] products = [.. Views(x).Select(view =>
            writer.Sum(writer.Node("MatMul", [rows, writer.Transpose(writer.Reshape(view, -1, inputs, Positions), 0, 2, 1)]), [0], keep: false))];
        return Together(products);
    }

    /// <summary>Each input channel has outputs of its own: sums of products, nothing to share between channels.</summary>
    private string Depthwise(string dy, string x)
    {
        long[] positions = [0, .. Axes.Select(axis => axis + 3L)];
        var rows = writer.Reshape(dy, [-1, inputs, outputs / inputs, .. windows.Output]);
        string[] sums = [.. Views(x).Select(view => writer.Reshape(
            writer.Sum(writer.Mul(rows, writer.Reshape(view, [-1, inputs, 1, .. windows.Output])), positions, keep: false), outputs, 1))];
        return writer.Reshape(sums.Length == 1 ? sums[0] : writer.Node("Concat", sums, Attribute.Int("axis", 1)), [outputs, 1, .. windows.Kernel]);
    }

    /// <summary>For each tap (Out, In / G), or that by groups, to a kernel.</summary>
    private string Together(string[] products)
    {
        var ins = inputs / groups;
        if (products.Length == 1)
        {
            return writer.Reshape(products[0], [outputs, ins, .. windows.Kernel]);
        }
        var joined = writer.Node("Concat", [.. products.Select(product => writer.Reshape(product, outputs, ins))], Attribute.Int("axis", 1));   // (Out, taps In)
        return writer.Reshape(writer.Transpose(writer.Reshape(joined, outputs, Taps, ins), 0, 2, 1), [outputs, ins, .. windows.Kernel]);
    }

    /// <summary>The elements that each tap sees, row-major by tap; the spatial axes are the last.</summary>
    private IEnumerable<string> Views(string x)
    {
        var axes = writer.Graph.Integers([.. Axes.Select(axis => axis + 2L)]);
        for (var tap = 0L; tap < Taps; tap++)
        {
            var (rest, start) = (tap, new long[_rank]);
            for (var axis = _rank - 1; axis >= 0; axis--)
            {
                (start[axis], rest) = (rest % windows.Kernel[axis] * windows.Dilations[axis], rest / windows.Kernel[axis]);
            }
            long[] end = [.. Axes.Select(axis => start[axis] + ((windows.Output[axis] - 1) * windows.Strides[axis]) + 1)];
            yield return writer.Node("Slice", [x, writer.Graph.Integers(start), writer.Graph.Integers(end), axes, writer.Graph.Integers(windows.Strides)]);
        }
    }

    private string Reverse()
    {
        var reverse = new float[Taps * Taps];
        for (var i = 0; i < Taps; i++)
        {
            reverse[(i * Taps) + Taps - 1 - i] = 1;
        }
        return writer.Graph.Constant(FormattableString.Invariant($"reverse.{Taps}"), reverse, Taps, Taps);
    }

    private IEnumerable<int> Axes => Enumerable.Range(0, _rank);
}
