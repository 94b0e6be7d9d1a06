namespace Airbench.Training;

/// <summary>A 3x3 convolution that stands for the work of a network.</summary>
/// <param name="Layer">One of those with this shape.</param>
/// <param name="Input">What is measured: what it reads, or a part of a large plane, where an operation costs the same.</param>
/// <param name="Flops">Of an image's forward pass through what is measured.</param>
/// <param name="Work">Of an image's forward pass through all layers of this shape.</param>
internal sealed record TypicalConvolution(ConvLayer Layer, Plane Input, long Flops, long Work)
{
    /// <summary>In a batch of fewer, what is done once for all images, as the transform of a kernel, would count more than in a training.</summary>
    public const int LeastImages = 32;

    private const int Most = 3;
    private const int MostPixels = 32;   // a side
    private const long MostFlops = 250_000_000;   // of an image's forward pass through all of them: some tenths of a second for a small batch, forward and backward

    /// <summary>
    /// Channels of a vector. Narrower convolutions tell nothing of the arithmetic, and on virtual machines that hide the processor's caches
    /// libtorch's fp32 ones are wrong.
    /// </summary>
    private const int LeastChannels = 16;

    /// <summary>Those of <paramref name="network"/> with the most operations; none where most of its work is in other layers.</summary>
    public static IReadOnlyList<TypicalConvolution> Of(NetworkSpec network)
    {
        var shapes =
            (from sized in network.SizedLayers()
             let layer = sized.Layer as ConvLayer
             where layer is { Kernel: 3, In: >= LeastChannels, Out: >= LeastChannels }
             group (sized, layer) by (layer.In, layer.Out, layer.Stride, layer.Padding, sized.Input) into alike
             let first = alike.First().layer
             let part = new Plane(first.In, Math.Min(alike.Key.Input.Height, MostPixels), Math.Min(alike.Key.Input.Width, MostPixels))
             select new TypicalConvolution(
                 first, part, 2 * first.MultiplyAdds(first.Output(part)), alike.Sum(one => 2 * one.layer.MultiplyAdds(one.sized.Output))) into shape
             orderby shape.Work descending
             select shape).ToList();
        var count = 1;
        while (count < Most && count < shapes.Count && shapes.Take(count + 1).Sum(shape => shape.Flops) <= MostFlops)
        {
            count++;
        }
        return 2 * shapes.Sum(shape => shape.Work) < network.ForwardFlops() ? [] : [.. shapes.Take(count)];
    }

    /// <summary>"256 -> 256 at 7x7 for 116 MFLOP": all that the rates depend on.</summary>
    public override string ToString() => FormattableString.Invariant(
        $"{Layer.In} -> {Layer.Out} at {Input.Height}x{Input.Width}{(Layer.Stride > 1 ? $" in steps of {Layer.Stride}" : "")} for {Work / 1e6:0} MFLOP");
}
