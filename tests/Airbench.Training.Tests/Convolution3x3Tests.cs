using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;
using Avx2Kernels = Airbench.Training.Convolution3x3.Of<
    Airbench.Training.Simd256, System.Runtime.Intrinsics.Vector256<float>, Airbench.Training.Products256, Airbench.Training.Products256>;
using Avx512Kernels = Airbench.Training.Convolution3x3.Of<
    Airbench.Training.Simd512, System.Runtime.Intrinsics.Vector512<float>, Airbench.Training.Products512, Airbench.Training.Products512Narrow>;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Tests;

/// <summary>Beside autograd in fp64, in both widths of vectors.</summary>
public sealed class Convolution3x3Tests
{
    /// <summary>
    /// Of the norm. A sum of n products rounded to fp32 is off by about 6e-8 sqrt(n) / 2: 1.4e-6 for 2,304 products. Winograd with these points
    /// doubles it.
    /// </summary>
    private const double Tolerance = 3e-6;

    public static TheoryData<int, int, int, int, int, int, bool> Shapes()
    {
        var data = new TheoryData<int, int, int, int, int, int, bool>();
        foreach (var isWide in new[] { true, false })
        {
            data.Add(3, 24, 64, 31, 31, 1, isWide);    // layers of airbench94
            data.Add(4, 64, 64, 15, 15, 1, isWide);
            data.Add(2, 256, 256, 7, 7, 1, isWide);
            data.Add(9, 64, 256, 3, 3, 1, isWide);
            data.Add(2, 3, 64, 32, 32, 1, isWide);     // the first of resnet18
            data.Add(5, 3, 10, 7, 9, 1, isWide);       // channels in no whole vector or panel; not square
            data.Add(2, 17, 33, 3, 29, 1, isWide);     // the last tile but one reaches the last pixel
            data.Add(2, 20, 50, 8, 5, 0, isWide);
            data.Add(2, 20, 50, 8, 5, 2, isWide);
            data.Add(1, 1, 1, 3, 3, 0, isWide);
            data.Add(1, 1, 1, 1, 1, 1, isWide);
            data.Add(3, 1, 5, 40, 2, 1, isWide);       // a vector reaches over several rows
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Equals_autograd(int images, int @in, int @out, int height, int width, int padding, bool isWide)
    {
        var winograd = Kernels(isWide);
        using var scope = NewDisposeScope();
        using var generator = new Generator(11, CPU);
        var x = ChannelsLast.Of(Draw(images, @in, height, width));
        var weight = ChannelsLast.Of(Draw(@out, @in, 3, 3) / Math.Sqrt(9 * @in));
        var (exactX, exactWeight) = (Exact(x).requires_grad_(), Exact(weight).requires_grad_());
        var exact = F.conv2d(exactX, exactWeight, padding: [padding, padding]);
        var dy = ChannelsLast.Of(Draw(exact.shape));
        var gradients = autograd.grad([exact], [exactX, exactWeight], [Exact(dy)]);

        AssertClose(exact, winograd.Convolve(x, weight, padding));
        AssertClose(gradients[0], winograd.InputGradient(dy, weight, padding));
        AssertClose(gradients[1], winograd.WeightGradient(x, dy, padding));

        Tensor Draw(params long[] shape) => randn(shape, generator: generator);
        Tensor Exact(Tensor tensor) => tensor.to(ScalarType.Float64).contiguous().detach();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Is_the_same_to_the_bit_each_time_and_its_outputs_for_each_number_of_threads(bool isWide)
    {
        var winograd = Kernels(isWide);
        using var scope = NewDisposeScope();
        using var generator = new Generator(12, CPU);
        var x = ChannelsLast.Of(randn([60, 40, 15, 15], generator: generator));
        var weight = ChannelsLast.Of(randn([48, 40, 3, 3], generator: generator));
        var dy = ChannelsLast.Of(randn([60, 48, 15, 15], generator: generator));
        var threads = get_num_threads();
        try
        {
            set_num_threads(1);
            var one = All();
            set_num_threads(2);
            var (two, again) = (All(), All());

            Assert.Equal(one.Outputs, two.Outputs);
            Assert.Equal(two, again);
        }
        finally
        {
            set_num_threads(threads);
        }

        (string Outputs, string Gradient) All() =>
            (Bits(winograd.Convolve(x, weight, 1)) + Bits(winograd.InputGradient(dy, weight, 1)), Bits(winograd.WeightGradient(x, dy, 1)));

        static string Bits(Tensor tensor) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(ChannelsLast.Pixels(tensor).bytes));
    }

    [Theory]
    [InlineData(3, 24, 2, 9, 9, true)]    // what whitens
    [InlineData(3, 24, 2, 9, 9, false)]
    [InlineData(1, 5, 3, 4, 7, true)]
    [InlineData(1, 5, 3, 4, 7, false)]
    [InlineData(4, 33, 4, 6, 5, true)]
    [InlineData(4, 33, 4, 6, 5, false)]
    public void Convolutions_of_few_channels_equal_the_definition(int @in, int @out, int kernel, int height, int width, bool isWide)
    {
        Assert.SkipUnless(OpenMp.IsAvailable && (isWide ? Simd512.IsSupported : Simd256.IsSupported), "needs AVX-512 or AVX2, and libtorch on Linux");
        DirectConvolution direct = isWide ? new DirectConvolution.Of<Simd512, Vector512<float>>() : new DirectConvolution.Of<Simd256, Vector256<float>>();
        using var scope = NewDisposeScope();
        using var generator = new Generator(13, CPU);
        // Small whole numbers have exact sums.
        var x = randint(-3, 4, [3, @in, height, width], generator: generator).to(ScalarType.Float32);
        var weight = randint(-3, 4, [@out, @in, kernel, kernel], generator: generator).to(ScalarType.Float32);
        var bias = randint(-3, 4, [@out], generator: generator).to(ScalarType.Float32);
        var expected = F.conv2d(x.to(ScalarType.Float64), weight.to(ScalarType.Float64), bias.to(ScalarType.Float64));

        Assert.Equal(0, (direct.Convolve(x, weight, bias) - expected).abs().max().item<double>());
        Assert.Equal(0, (direct.Convolve(ChannelsLast.Of(x), ChannelsLast.Of(weight), bias) - expected).abs().max().item<double>());
        Assert.Equal(0, (direct.Convolve(x, weight, null).Plus(bias.view(1, -1, 1, 1)) - expected).abs().max().item<double>());
    }

    private static Convolution3x3 Kernels(bool isWide)
    {
        Assert.SkipUnless(OpenMp.IsAvailable && (isWide ? Simd512.IsSupported : Simd256.IsSupported), "needs AVX-512 or AVX2, and libtorch on Linux");
        return isWide ? new Avx512Kernels() : new Avx2Kernels();
    }

    private static void AssertClose(Tensor expected, Tensor found)
    {
        Assert.Equal(expected.shape, found.shape);
        var error = ((found.to(ScalarType.Float64) - expected).norm() / expected.norm()).item<double>();
        Assert.True(error < Tolerance, FormattableString.Invariant($"relative error {error:e2}"));
    }
}
