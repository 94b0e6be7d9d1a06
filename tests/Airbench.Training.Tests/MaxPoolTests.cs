using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Tests;

/// <summary>Beside libtorch's own operator: the same numbers, also where several of a window are equal.</summary>
public sealed class MaxPoolTests
{
    [Theory]
    [InlineData(5, 64, 31, 31, 2)]
    [InlineData(1, 32, 2, 2, 2)]
    [InlineData(3, 96, 9, 6, 3)]
    [InlineData(2, 32, 8, 15, 4)]
    public void Equals_libtorchs(int images, int channels, int height, int width, int size)
    {
        var layer = new MaxPoolLayer("pool", size);
        using var scope = NewDisposeScope();
        using var generator = new Generator(5, CPU);
        // A dozen different values with both zeros: half of the windows hold their maximum more than once.
        var values = tensor(new[] { -2f, -1.5f, -1e-38f, -0f, 0f, 0f, 1e-38f, 0.5f, float.NegativeInfinity, float.PositiveInfinity, 3e38f, -3e38f });
        var x = ChannelsLast.Of(values[randint(0, values.shape[0], [images, channels, height, width], generator: generator)].to(ScalarType.BFloat16));
        Assert.SkipUnless(MaxPool.Serves(layer, x), "needs AVX-512 and libtorch on Linux");

        var (expected, expectedGradient) = Both(x => F.max_pool2d(x, size));
        using var returned = new ReturnedGradients();
        var (found, foundGradient) = Both(x => MaxPool.Of(layer, x, returned));

        Assert.Equal(expected.bytes.ToArray(), found.bytes.ToArray());
        Assert.Equal(0, (expectedGradient - foundGradient).abs().max().item<float>());

        (Tensor Y, Tensor DX) Both(Func<Tensor, Tensor> pool)
        {
            using var again = new Generator(9, CPU);
            var leaf = x.clone().requires_grad_();
            var y = pool(leaf);
            var dy = rand(y.shape, generator: again).to(ScalarType.BFloat16);
            var dx = autograd.grad([y], [leaf], [dy])[0];
            return (y.detach().contiguous(), dx.to(ScalarType.Float32));
        }
    }

    [Fact]
    public void What_is_no_number_comes_through()
    {
        var layer = new MaxPoolLayer("pool", 2);
        using var scope = NewDisposeScope();
        var x = ones([1, 32, 2, 4], ScalarType.BFloat16);
        x[0, 3, 1, 0] = float.NaN;
        x[0, 4, 0, 2] = -float.NaN;
        Assert.SkipUnless(MaxPool.Serves(layer, x), "needs AVX-512 and libtorch on Linux");

        using var returned = new ReturnedGradients();
        var found = MaxPool.Of(layer, x, returned).to(ScalarType.Float32).isnan();

        Assert.Equal(2, found.sum().item<long>());
        Assert.True(found[0, 3, 0, 0].item<bool>() && found[0, 4, 0, 1].item<bool>());
    }
}
