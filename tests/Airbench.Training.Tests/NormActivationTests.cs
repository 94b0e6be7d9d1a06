using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Tests;

/// <summary>Beside libtorch's own two operators in float64: forward, backward, and the running statistics.</summary>
public sealed class NormActivationTests
{
    /// <summary>Each for fp32 in both widths, with images, vectors of channels, height and width, the activation, and whether there is a scale.</summary>
    public static TheoryData<string, int, int, int, int, Activation, bool> Fp32Cases
    {
        get
        {
            var cases = new TheoryData<string, int, int, int, int, Activation, bool>();
            foreach (var kernel in CpuKernel.All.Where(kernel => kernel.Type == ScalarType.Float32))
            {
                cases.Add(kernel.Name, 7, 4, 15, 15, Activation.Gelu, false);
                cases.Add(kernel.Name, 7, 4, 15, 15, Activation.Silu, true);
                cases.Add(kernel.Name, 7, 4, 15, 15, Activation.Relu, true);
                cases.Add(kernel.Name, 1, 1, 1, 2, Activation.Gelu, true);
                cases.Add(kernel.Name, 5, 3, 3, 3, Activation.Gelu, true);
                cases.Add(kernel.Name, 64, 16, 3, 3, Activation.Silu, false);
            }
            return cases;
        }
    }

    [Theory]
    [InlineData(7, 64, 15, 15, Activation.Gelu, false)]
    [InlineData(7, 64, 15, 15, Activation.Silu, true)]
    [InlineData(7, 64, 15, 15, Activation.Relu, true)]
    [InlineData(1, 32, 1, 2, Activation.Gelu, true)]
    [InlineData(5, 96, 3, 3, Activation.Gelu, true)]
    [InlineData(64, 256, 3, 3, Activation.Silu, false)]
    public void Bf16_equals_float64(int images, int channels, int height, int width, Activation activation, bool hasScale)
    {
        var kernel = CpuKernelTests.Get("bf16, AVX-512");
        using var scope = NewDisposeScope();
        var pass = new Pass(kernel.Type, [images, channels, height, width], hasScale);
        var found = pass.Ours(kernel, activation);
        var expected = pass.Libtorchs(ScalarType.Float64, activation);

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
    }

    [Theory]
    [MemberData(nameof(Fp32Cases))]
    public void Fp32_is_as_near_to_float64_as_libtorchs(string name, int images, int vectors, int height, int width, Activation activation, bool hasScale)
    {
        var kernel = CpuKernelTests.Get(name);
        using var scope = NewDisposeScope();
        var pass = new Pass(kernel.Type, [images, vectors * kernel.Lanes, height, width], hasScale);
        var (found, theirs) = (pass.Ours(kernel, activation), pass.Libtorchs(ScalarType.Float32, activation));

        // Rounding comes in by chance: a tenth more is allowed, and about a unit in the last place.
        foreach (var (tensor, expected) in pass.Libtorchs(ScalarType.Float64, activation))
        {
            double Error(Tensor of) => ((of - expected).norm() / expected.norm()).item<double>();
            var (ours, libtorchs) = (Error(found[tensor]), Error(theirs[tensor]));
            Assert.True(ours <= (1.1 * libtorchs) + 1e-7, $"{tensor}: {ours}, libtorch's {libtorchs}");
        }
    }

    [Theory]
    [MemberData(nameof(CpuKernelTests.Names), MemberType = typeof(CpuKernelTests))]
    public void The_same_number_of_threads_means_the_same_bits(string name)
    {
        var kernel = CpuKernelTests.Get(name);
        using var scope = NewDisposeScope();
        var pass = new Pass(kernel.Type, [13, 2 * kernel.Lanes, 5, 7], hasScale: true);
        var (first, second) = (pass.Ours(kernel, Activation.Gelu), pass.Ours(kernel, Activation.Gelu));

        Assert.All(first, pair => Assert.Equal(pair.Value.bytes.ToArray(), second[pair.Key].bytes.ToArray()));
    }

    /// <summary>The numbers of one pass, whose results are float64, by name.</summary>
    private sealed class Pass
    {
        private readonly Tensor _x, _dy, _bias, _mean, _variance;
        private readonly Tensor? _weight;

        public Pass(ScalarType type, long[] shape, bool hasScale)
        {
            using var generator = new Generator(5, CPU);
            var channels = shape[1];
            Tensor Draw(params long[] shape) => randn(shape, generator: generator);
            // Some channels far from zero and narrow: where sums of squares alone would lose the variance.
            _x = ChannelsLast.Of(((Draw(shape) * Draw(1, channels, 1, 1).exp()) + (20 * Draw(1, channels, 1, 1))).to(type));
            _dy = ChannelsLast.Of(Draw(shape).to(type));
            (_weight, _bias, _mean, _variance) = (hasScale ? Draw(channels) : null, Draw(channels), Draw(channels), Draw(channels).exp());
        }

        public Dictionary<string, Tensor> Ours(CpuKernel kernel, Activation activation)
        {
            using var returned = new ReturnedGradients();
            return Of(kernel.Type, ScalarType.Float32, (x, weight, bias, mean, variance) =>
                NormActivation.Of(x, mean, variance, weight, bias, 0.4, 1e-5, activation, returned, kernel));
        }

        public Dictionary<string, Tensor> Libtorchs(ScalarType type, Activation activation) => Of(type, type, (x, weight, bias, mean, variance) =>
        {
            var z = F.batch_norm(x, mean, variance, weight!, bias, true, 0.4, 1e-5);
            return activation switch { Activation.Gelu => F.gelu(z), Activation.Silu => F.silu(z), _ => F.relu(z) };
        });

        private Dictionary<string, Tensor> Of(ScalarType type, ScalarType ofChannels, Func<Tensor, Tensor?, Tensor, Tensor, Tensor, Tensor> layers)
        {
            Tensor Copy(Tensor tensor) => tensor.to(ofChannels).clone();
            var input = _x.to(type).clone().requires_grad_();
            var (w, b) = (_weight is null ? null : Copy(_weight).requires_grad_(), Copy(_bias).requires_grad_());
            var (m, v) = (Copy(_mean), Copy(_variance));
            var y = layers(input, w, b, m, v);
            var gradients = autograd.grad([y], w is null ? [input, b] : [input, b, w], [_dy.to(type)]);
            var all = new Dictionary<string, Tensor> { ["y"] = y, ["mean"] = m, ["variance"] = v, ["dx"] = gradients[0], ["bias"] = gradients[1] };
            if (w is not null)
            {
                all["weight"] = gradients[2];
            }
            return all.ToDictionary(pair => pair.Key, pair => pair.Value.detach().to(ScalarType.Float64).contiguous());
        }
    }
}
