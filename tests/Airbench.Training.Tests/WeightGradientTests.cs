using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Tests;

/// <summary>Small whole numbers have exact products and sums in every order: the gradients must be equal to the bit.</summary>
public sealed class WeightGradientTests
{
    [Theory]
    [InlineData(24, 64, 3, 1, 31, 31, 3)]   // the layers of airbench94
    [InlineData(64, 64, 3, 1, 15, 15, 3)]
    [InlineData(64, 256, 3, 1, 7, 7, 5)]
    [InlineData(64, 256, 3, 1, 15, 15, 2)]
    [InlineData(64, 64, 3, 1, 3, 3, 11)]    // several images at once, the last group not full
    [InlineData(16, 16, 3, 1, 1, 1, 1)]
    [InlineData(17, 33, 3, 1, 6, 9, 4)]     // channels in no whole step; not square
    [InlineData(16, 32, 3, 2, 5, 8, 7)]
    [InlineData(32, 16, 3, 0, 6, 5, 4)]
    [InlineData(16, 48, 2, 0, 9, 4, 6)]
    [InlineData(48, 32, 1, 0, 5, 5, 5)]
    [InlineData(32, 64, 3, 0, 5, 6, 4)]     // many outputs for the width: a layout for each column of the kernel
    [InlineData(17, 96, 5, 2, 4, 9, 3)]
    public void Equals_autograd(int @in, int @out, int kernel, int padding, int height, int width, int images)
    {
        var layer = new ConvLayer("conv", @in, @out, kernel, padding);
        using var scope = NewDisposeScope();
        using var generator = new Generator(7, CPU);
        var x = Whole(images, @in, height, width);
        Assert.SkipUnless(WeightGradient.Serves(layer, x), "needs AVX512-BF16 on Linux, without AMX");
        var weight = zeros(@out, @in, kernel, kernel).requires_grad_();
        var y = F.conv2d(x.to(ScalarType.Float32), weight, padding: [padding, padding]);
        var dy = Whole(images, @out, (int)y.shape[2], (int)y.shape[3]);
        var expected = autograd.grad([y], [weight], [dy.to(ScalarType.Float32)])[0];

        foreach (var (first, second) in new[] { (x, dy), (ChannelsLast.Of(x), ChannelsLast.Of(dy)) })
        {
            var found = WeightGradient.Of(layer, first, second);
            Assert.Equal(expected.shape, found.shape);
            Assert.Equal(ScalarType.Float32, found.dtype);
            Assert.Equal(0, (found - expected).abs().max().item<float>());
            Assert.True(found.permute(0, 2, 3, 1).is_contiguous());
        }

        Tensor Whole(params long[] shape) => randint(-3, 4, shape, generator: generator).to(ScalarType.BFloat16);
    }
}
