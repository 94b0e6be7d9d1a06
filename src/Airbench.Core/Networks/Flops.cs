namespace Airbench;

/// <summary>
/// Floating-point operations, counted as the field does: two for each multiply-add of a convolution or linear layer, nothing for
/// the rest (under 1% of these networks), and a backward pass costs twice the forward pass.
/// </summary>
public static class Flops
{
    /// <summary>Operations of one image's forward pass.</summary>
    public static long ForwardFlops(this NetworkSpec network) => network.SizedLayers().Sum(sized => 2 * sized.Layer.MultiplyAdds(sized.Output));

    /// <summary>
    /// Bytes that a training step keeps for its backward pass, about: of each convolution its output in fp32, and as much again for each of
    /// normalization and activation.
    /// </summary>
    public static long TrainingBytes(this NetworkSpec network, int batchSize) =>
        network.SizedLayers().Where(sized => sized.Layer is ConvLayer).Sum(sized => sized.Output.Elements) * batchSize * 3 * sizeof(float);

    /// <summary>Operations of a whole training: forward and backward passes, the proxy's included, without validation.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="network">Its network for the data set, see <see cref="Recipe.Network(DatasetManifest)"/>.</param>
    /// <param name="trainCount">Images of the training split.</param>
    public static double TrainingFlops(this Recipe recipe, NetworkSpec network, int trainCount)
    {
        double steps = recipe.Steps(trainCount);
        var forward = recipe.MeanForwardFlops(network, trainCount);
        if (recipe.Proxy is not { } proxy)
        {
            return steps * recipe.BatchSize * 3 * forward;
        }
        // The proxy looks at every example of every batch, learns from the kept ones of some batches, and the large network sees
        // the kept ones alone.
        var kept = recipe.BatchSize * proxy.Keep;
        var proxyForward = recipe.MeanForwardFlops(network with { Widths = proxy.Widths, Depth = proxy.Depth }, trainCount);
        var proxyUpdates = Math.Ceiling(steps / proxy.BackwardEvery);
        return (steps * kept * 3 * forward) + (steps * recipe.BatchSize * proxyForward) + (proxyUpdates * kept * 2 * proxyForward);
    }

    /// <summary>Operations of an image's forward pass on average over the steps, as its size changes with the epochs.</summary>
    private static double MeanForwardFlops(this Recipe recipe, NetworkSpec network, int trainCount)
    {
        if (recipe.Resolutions is not { Count: > 0 })
        {
            return network.ForwardFlops();
        }
        var (steps, perEpoch) = (recipe.Steps(trainCount), trainCount / recipe.BatchSize);
        var epochs = Enumerable.Range(0, (int)Math.Ceiling(recipe.Epochs));
        return epochs.Sum(epoch =>
            (double)Math.Min(perEpoch, steps - ((long)epoch * perEpoch)) * (network with { ImageSize = recipe.SizeIn(epoch, network.ImageSize) }).ForwardFlops()) / steps;
    }

    /// <summary>Optimizer steps on <paramref name="trainCount"/> images; an epoch's incomplete last batch is dropped.</summary>
    public static long Steps(this Recipe recipe, int trainCount) => (long)Math.Ceiling(recipe.Epochs * (trainCount / recipe.BatchSize));
}
