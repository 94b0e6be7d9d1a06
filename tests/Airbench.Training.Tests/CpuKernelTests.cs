using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Tests;

/// <summary>Which kernel goes over which images.</summary>
public sealed class CpuKernelTests
{
    /// <summary>Every type of number and width of vector; AVX2 also where AVX-512 is there.</summary>
    public static TheoryData<string> Names => [.. CpuKernel.All.Select(kernel => kernel.Name)];

    /// <summary>The kernel of this name; skips the test where this machine does not have it.</summary>
    internal static CpuKernel Get(string name)
    {
        var kernel = CpuKernel.All.Single(kernel => kernel.Name == name);
        Assert.SkipUnless(kernel.IsSupported, $"needs {name}, and libtorch on Linux");
        return kernel;
    }

    [Theory]
    [InlineData(ScalarType.BFloat16, 64, "bf16, AVX-512")]
    [InlineData(ScalarType.BFloat16, 48, null)]
    [InlineData(ScalarType.Float32, 48, "fp32, AVX-512")]
    [InlineData(ScalarType.Float32, 24, "fp32, AVX2")]
    [InlineData(ScalarType.Float32, 20, null)]
    [InlineData(ScalarType.Float16, 64, null)]
    [InlineData(ScalarType.Float64, 64, null)]
    public void The_widest_that_divides_the_channels_is_taken(ScalarType type, int channels, string? expected)
    {
        using var scope = NewDisposeScope();
        if (expected is not null)
        {
            Get(expected);
        }

        Assert.Equal(expected, CpuKernel.For(zeros([2, channels, 3, 3], type))?.Name);
    }

    [Fact]
    public void Fp32_has_a_kernel_wherever_the_processor_has_AVX2()
    {
        using var scope = NewDisposeScope();
        Assert.SkipUnless(Simd256.IsSupported && OpenMp.IsAvailable, "needs AVX2 and libtorch on Linux");

        Assert.NotNull(CpuKernel.For(zeros([1, 64, 2, 2])));
    }
}
