using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Tests;

/// <summary>Beside libtorch's own two operators in float64: forward, backward, and the running statistics.</summary>
public sealed class NormActivationTests
{
    [Theory]
    [InlineData(7, 64, 15, 15, Activation.Gelu, false)]
    [InlineData(7, 64, 15, 15, Activation.Silu, true)]
    [InlineData(1, 32, 1, 2, Activation.Gelu, true)]
    [InlineData(5, 96, 3, 3, Activation.Gelu, true)]
    [InlineData(64, 256, 3, 3, Activation.Silu, false)]
    public void Equals_float64(int images, int channels, int height, int width, Activation activation, bool hasScale)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5, CPU);
        Tensor Draw(params long[] shape) => randn(shape, generator: generator);
        // Some channels far from zero and narrow: where sums of squares alone would lose the variance.
        var x = ((Draw(images, channels, height, width) * Draw(1, channels, 1, 1).exp()) + (20 * Draw(1, channels, 1, 1))).to(ScalarType.BFloat16);
        x = ChannelsLast.Of(x);
        var dy = ChannelsLast.Of(Draw(images, channels, height, width).to(ScalarType.BFloat16));
        var (weight, bias, mean, variance) = (hasScale ? Draw(channels) : null, Draw(channels), Draw(channels), Draw(channels).exp());
        Assert.SkipUnless(NormActivation.Serves(x), "needs AVX-512 and libtorch on Linux");

        using var returned = new ReturnedGradients();
        var found = Pass(
            ScalarType.BFloat16, (x, weight, bias, mean, variance) => NormActivation.Of(x, mean, variance, weight, bias, 0.4, 1e-5, activation, returned));
        var expected = Pass(ScalarType.Float64, (x, weight, bias, mean, variance) =>
        {
            var z = F.batch_norm(x, mean, variance, weight!, bias, true, 0.4, 1e-5);
            return activation == Activation.Gelu ? F.gelu(z) : F.silu(z);
        });

        // bf16 has 8 bits: half a unit in the last place of the result, and some more for the fp32 arithmetic before it.
        Near("y", 1.0 / 256, 1e-5);
        Near("dx", 1.0 / 256, 2e-5);
        Near("mean", 1e-6, 1e-6);
        Near("variance", 5e-5, 1e-6);
        Near("bias", 1e-5, 1e-4);
        if (hasScale)
        {
            Near("weight", 1e-4, 1e-3);
        }

        void Near(string name, double relative, double absolute)
        {
            var excess = ((found[name] - expected[name]).abs() - (relative * expected[name].abs()) - (absolute * Math.Max(1, expected[name].abs().mean().item<double>()))).max().item<double>();
            Assert.True(excess <= 0, $"{name}: {excess} too far");
        }

        Dictionary<string, Tensor> Pass(ScalarType type, Func<Tensor, Tensor?, Tensor, Tensor, Tensor, Tensor> layers)
        {
            var other = type == ScalarType.BFloat16 ? ScalarType.Float32 : type;
            Tensor Copy(Tensor tensor) => tensor.to(other).clone();
            var input = x.to(type).clone().requires_grad_();
            var (w, b) = (weight is null ? null : Copy(weight).requires_grad_(), Copy(bias).requires_grad_());
            var (m, v) = (Copy(mean), Copy(variance));
            var y = layers(input, w, b, m, v);
            var gradients = autograd.grad([y], w is null ? [input, b] : [input, b, w], [dy.to(type)]);
            var all = new Dictionary<string, Tensor> { ["y"] = y, ["mean"] = m, ["variance"] = v, ["dx"] = gradients[0], ["bias"] = gradients[1] };
            if (w is not null)
            {
                all["weight"] = gradients[2];
            }
            return all.ToDictionary(pair => pair.Key, pair => pair.Value.detach().to(ScalarType.Float64));
        }
    }
}
