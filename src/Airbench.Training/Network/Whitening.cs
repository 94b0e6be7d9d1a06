using TorchSharp;
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
    /// <param name="count">So many images are used, see <see cref="Sample"/>.</param>
    public static Tensor Filters(DeviceImages images, int count)
    {
        using var scope = NewDisposeScope();
        using var sample = Sample(images, count);
        var used = (int)sample.shape[0];
        var covariance = zeros(12, 12, ScalarType.Float64, images.Labels.device);
        var patchCount = 0L;
        for (var first = 0; first < used; first += Chunk)
        {
            using var inner = NewDisposeScope();
            var crop = images.Crop(sample.narrow(0, first, Math.Min(Chunk, used - first)), images.Padding, images.Padding);
            // float64 throughout: in fp32 the smallest eigenvalue of real photographs can come out negative, and the root is NaN.
            var patches = Patches(images.Normalize(crop, ScalarType.Float32).to(ScalarType.Float64));
            covariance.Accumulate(crop.device_type == DeviceType.CUDA ? ProductByImage(patches, crop.shape[0]) : patches.t().matmul(patches));
            patchCount += patches.shape[0];
        }
        // 12 x 12: a decomposition that is faster on the CPU. Until here nothing waits for the device.
        var (values, vectors) = linalg.eigh(covariance.Over(patchCount).cpu());   // ascending; vectors in columns
        var filters = (vectors / values.AtLeastZero().Plus(Epsilon).sqrt()).t().flip(0).reshape(12, 3, 2, 2);
        return cat([filters, -filters]).MoveToOuterDisposeScope();
    }

    /// <summary>P^T P of patches (N * n, 12), the sum of each image's: one product of so few columns would leave most of a GPU idle.</summary>
    internal static Tensor ProductByImage(Tensor patches, long images)
    {
        var each = patches.view(images, -1, 12);
        return each.transpose(1, 2).matmul(each).sum([0L]);   // sum(0) would be a sum of bytes: 0 is also a ScalarType
    }

    /// <summary>
    /// int64: the first <paramref name="count"/> images, as the source has it, where they show every class. A set from class folders is
    /// sorted by class, and its first images may all be aeroplanes: there as many images from all over the split.
    /// </summary>
    internal static Tensor Sample(DeviceImages images, int count)
    {
        var used = Math.Min(count, images.Count);
        using var copy = images.Labels.cpu();
        var labels = copy.data<long>().ToArray();
        var isMixed = labels.Take(used).Distinct().Count() == labels.Distinct().Count();
        var index = Enumerable.Range(0, used).Select(i => isMixed ? i : (long)i * images.Count / used);
        return tensor([.. index], device: images.Labels.device);
    }

    /// <summary>Every 2x2 patch as a row: (N * 31 * 31, 12).</summary>
    internal static Tensor Patches(Tensor images) =>
        images.unfold(2, 2, 1).unfold(3, 2, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 12);   // (N, 31, 31, 3, 2, 2)
}
