using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>Filters that whiten 2x2 patches, computed from data (paper, section 3.1).</summary>
internal static class Whitening
{
    private const double Epsilon = 5e-4;
    private const int Chunk = 500;

    /// <summary>Gives a fresh network its whitening filters, where the recipe whitens.</summary>
    public static void Start(Network network, DeviceImages images, Recipe recipe)
    {
        if (recipe.Whiten)
        {
            using var filters = Filters(images, recipe.WhitenImages);
            using var noGradients = no_grad();
            network.Tensors["whiten.weight"].copy_(filters);
        }
    }

    /// <summary>
    /// Filters (24, 3, 2, 2) in float64: eigenvectors of the patch covariance over the root of their eigenvalue, largest first,
    /// and their negatives.
    /// </summary>
    /// <param name="images">The training split.</param>
    /// <param name="count">So many images are used, spread evenly over the split.</param>
    /// <remarks>
    /// The source takes the first images, which on the original CIFAR-10 are of every class. A set from class folders is sorted by class:
    /// its first images would all show the same.
    /// </remarks>
    public static Tensor Filters(DeviceImages images, int count)
    {
        using var scope = NewDisposeScope();
        var used = Math.Min(count, images.Count);
        var spread = tensor([.. Enumerable.Range(0, used).Select(i => (long)i * images.Count / used)], device: images.Labels.device);
        var covariance = zeros(12, 12, ScalarType.Float64);
        var patchCount = 0L;
        for (var first = 0; first < used; first += Chunk)
        {
            using var inner = NewDisposeScope();
            var crop = images.Crop(spread.narrow(0, first, Math.Min(Chunk, used - first)), images.Padding, images.Padding);
            // float64 throughout: in fp32 the smallest eigenvalue of real photographs can come out negative, and the root is NaN.
            var patches = Patches(images.Normalize(crop, ScalarType.Float32).to(ScalarType.Float64, CPU));
            covariance.Accumulate(patches.t().matmul(patches));
            patchCount += patches.shape[0];
        }
        var (values, vectors) = linalg.eigh(covariance.Over(patchCount));   // ascending; vectors in columns
        var filters = (vectors / values.AtLeastZero().Plus(Epsilon).sqrt()).t().flip(0).reshape(12, 3, 2, 2);
        return cat([filters, -filters]).MoveToOuterDisposeScope();
    }

    /// <summary>Every 2x2 patch as a row: (N * 31 * 31, 12).</summary>
    internal static Tensor Patches(Tensor images) =>
        images.unfold(2, 2, 1).unfold(3, 2, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 12);   // (N, 31, 31, 3, 2, 2)
}
