using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Tests;

/// <summary>Beside libtorch's own operator: the same numbers, also where several of a window are equal or no numbers.</summary>
public sealed class MaxPoolTests
{
    /// <summary>Each with images, vectors of channels, height, width, size.</summary>
    public static TheoryData<string, int, int, int, int, int> Cases
    {
        get
        {
            var cases = new TheoryData<string, int, int, int, int, int>();
            foreach (var kernel in CpuKernel.All)
            {
                cases.Add(kernel.Name, 5, 2, 31, 31, 2);
                cases.Add(kernel.Name, 1, 1, 2, 2, 2);
                cases.Add(kernel.Name, 3, 3, 9, 6, 3);
                cases.Add(kernel.Name, 2, 1, 8, 15, 4);
                cases.Add(kernel.Name, 2, 1, 33, 17, 15);   // places above 127
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Equals_libtorchs(string name, int images, int vectors, int height, int width, int size)
    {
        var kernel = CpuKernelTests.Get(name);
        using var scope = NewDisposeScope();
        using var generator = new Generator(5, CPU);
        // A dozen different values with both zeros: half of the windows hold their maximum more than once.
        var values = tensor(new[] { -2f, -1.5f, -1e-38f, -0f, 0f, 0f, 1e-38f, 0.5f, float.NegativeInfinity, float.PositiveInfinity, 3e38f, -3e38f });
        var x = values[randint(0, values.shape[0], [images, vectors * kernel.Lanes, height, width], generator: generator)];

        Same(kernel, size, ChannelsLast.Of(x.to(kernel.Type)));
    }

    [Theory]
    [MemberData(nameof(CpuKernelTests.Names), MemberType = typeof(CpuKernelTests))]
    public void What_is_no_number_comes_through(string name)
    {
        var kernel = CpuKernelTests.Get(name);
        using var scope = NewDisposeScope();
        using var generator = new Generator(6, CPU);
        // A third of the numbers are none: of several in a window libtorch takes the last.
        var values = tensor(new[] { float.NaN, 1, float.PositiveInfinity });
        var x = values[randint(0, values.shape[0], [3, kernel.Lanes, 8, 9], generator: generator)];

        Same(kernel, 2, ChannelsLast.Of(x.to(kernel.Type)));
    }

    private static void Same(CpuKernel kernel, int size, Tensor x)
    {
        using var returned = new ReturnedGradients();
        var (expected, expectedGradient) = Both(x => F.max_pool2d(x, size));
        var (found, foundGradient) = Both(x => MaxPool.Of(new MaxPoolLayer("pool", size), x, returned, kernel));

        Assert.Equal(expected.bytes.ToArray(), found.bytes.ToArray());
        Assert.Equal(0, (expectedGradient - foundGradient).abs().max().item<float>());

        (Tensor Y, Tensor DX) Both(Func<Tensor, Tensor> pool)
        {
            using var again = new Generator(9, CPU);
            var leaf = x.clone().requires_grad_();
            var y = pool(leaf);
            var dy = rand(y.shape, generator: again).to(x.dtype);
            var dx = autograd.grad([y], [leaf], [dy])[0];
            return (y.detach().contiguous(), dx.to(ScalarType.Float32));
        }
    }
}
