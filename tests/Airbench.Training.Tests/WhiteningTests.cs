using static TorchSharp.torch;

namespace Airbench.Tests;

/// <summary>What the network is given at first: normalized pixels, and filters that whiten their patches.</summary>
public sealed class WhiteningTests : IDisposable
{
    private const int Count = ShownImages.Count;
    private readonly ShownImages _images = new();

    public void Dispose() => _images.Dispose();

    [Fact]
    public void Normalizing_gives_zero_mean_and_unit_deviation_over_the_training_split()
    {
        using var images = DeviceImages.Load(_images.Split, _images.Spec, padding: 1, CPU);
        var normalized = images.Normalize(images.Crop(0, Count, 1, 1), ScalarType.Float32);
        Assert.Equal([Count, 3, 32, 32], normalized.shape);
        Assert.Equal(0, normalized.mean().item<float>(), 1e-4);
        Assert.Equal(1, normalized.std().item<float>(), 1e-3);
    }

    [Fact]
    public void Whitened_patches_have_a_covariance_near_the_identity()
    {
        using var images = DeviceImages.Load(_images.Split, _images.Spec, padding: 0, CPU);
        var filters = Whitening.Filters(images, Count);
        var patches = Whitening.Patches(images.Normalize(images.Crop(0, Count, 0, 0), ScalarType.Float32).to(ScalarType.Float64));
        var product = patches.t().matmul(patches);
        Assert.InRange(((Whitening.ProductByImage(patches, Count) - product).abs().max() / product.abs().max()).item<double>(), 0, 1e-12);   // the way of a GPU
        var white = patches.matmul(filters.narrow(0, 0, 12).reshape(12, 12).t());
        var covariance = white.t().matmul(white) / white.shape[0];
        Assert.Equal(0, (filters.narrow(0, 0, 12) + filters.narrow(0, 12, 12)).abs().max().item<double>());
        // Eigenvalue l becomes l / (l + 5e-4): at most 1, and off the diagonal nothing.
        for (var i = 0; i < 12; i++)
        {
            Assert.InRange(covariance[i, i].item<double>(), 0.5, 1 + 1e-9);
        }
        Assert.Equal(0, (covariance - covariance.diag().diag()).abs().max().item<double>(), 1e-9);
    }

    [Fact]
    public void Whitening_looks_at_the_first_images_and_in_a_set_sorted_by_class_at_images_from_all_over()
    {
        const int third = Count / 3;
        using var images = DeviceImages.Load(_images.Split, _images.Spec, padding: 0, CPU);
        Assert.Equal(Enumerable.Range(0, third).Select(i => (long)i), Whitening.Sample(images, third).data<long>().ToArray());
        images.Labels.copy_(tensor([.. _images.Split.Labels.Order()]));
        long[] spread = [.. Enumerable.Range(0, third).Select(i => 3L * i)];
        Assert.Equal(spread, Whitening.Sample(images, third).data<long>().ToArray());

        using var filters = Whitening.Filters(images, third);
        var crops = cat([.. spread.Select(i => images.Crop((int)i, 1, 0, 0))]);
        var patches = Whitening.Patches(images.Normalize(crops, ScalarType.Float32).to(ScalarType.Float64));
        var white = patches.matmul(filters.narrow(0, 0, 12).reshape(12, 12).t());
        var covariance = white.t().matmul(white) / white.shape[0];
        Assert.Equal(0, (covariance - covariance.diag().diag()).abs().max().item<double>(), 1e-9);   // of these images and no others
    }
}
