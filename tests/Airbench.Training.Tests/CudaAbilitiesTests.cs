using Airbench.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Tests;

public sealed class CudaAbilitiesTests
{
    /// <summary>The device of this test is not there: the worst that can happen on one that is.</summary>
    [Fact]
    public void What_does_not_work_is_said_and_ends_nothing()
    {
        Assert.SkipWhen(cuda.is_available(), "this machine has CUDA");
        var abilities = CudaAbilities.Try(new Device(DeviceType.CUDA, 0), ScalarType.Float16);
        Assert.False(abilities.CopiesFromPinnedMemory);
        Assert.False(abilities.NormalizesByCudnn);
        Assert.Contains(abilities.Lacks, lack => lack.StartsWith("copies from pinned memory (", StringComparison.Ordinal));
        Assert.Contains(abilities.Lacks, lack => lack.StartsWith("cuDNN's batch norm (", StringComparison.Ordinal));
        Assert.All(abilities.Lacks, lack => Assert.DoesNotContain('\n', lack));
        var progress = new Lines();
        (new ComputeDevice(CPU, "cuda:0 Some GPU, without everything", Precision.Fp16) { Abilities = abilities }).Warn(progress);
        Assert.Equal(abilities.Lacks.Count, progress.Warnings.Count);
        Assert.All(progress.Warnings, line => Assert.StartsWith("cuda:0 Some GPU trains without ", line, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(null, ScalarType.Float16, true)]
    [InlineData("", ScalarType.Float16, true)]
    [InlineData(null, ScalarType.BFloat16, false)]
    [InlineData(null, ScalarType.Float32, false)]
    [InlineData("cudnn", ScalarType.BFloat16, true)]
    [InlineData("native", ScalarType.Float16, false)]
    public void Cudnn_normalizes_fp16_unless_asked_otherwise(string? asked, ScalarType type, bool expected) =>
        Assert.Equal(expected, CudaAbilities.WantsCudnnNorm(asked, type));

    [Fact]
    public void Another_batch_norm_is_an_error_that_names_the_variable() =>
        Assert.Contains("AIRBENCH_BN is 'fast'", Assert.Throws<ConfigurationException>(() => CudaAbilities.WantsCudnnNorm("fast", ScalarType.Float16)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void Batch_norm_with_a_weight_of_ones_is_the_one_without(ScalarType type)
    {
        CudaAbilities.CompareNorms(CPU, type);
        using var set = new TinySet(train: 64, test: 16);
        using var scope = NewDisposeScope();
        var recipe = Recipe.All["airbench94"] with { Widths = [8, 16, 16] };
        var spec = recipe.Network(set.Dataset.Manifest);
        var plain = ComputeDevice.Resolve("cpu", Precision.Fp32);
        var device = plain with { Abilities = new CudaAbilities(false, NormalizesByCudnn: true, []) };
        using var with = Network.Create(spec, recipe, device, new Generator(1, CPU));
        using var without = Network.Create(spec, recipe, plain, new Generator(1, CPU));
        var images = randn(4, 3, 32, 32);
        foreach (var training in (bool[])[true, false])
        {
            Assert.Equal(0, (with.Forward(images, training) - without.Forward(images, training)).abs().max().item<float>(), 1e-5f);
        }
        Assert.Equal(without.Tensors.Keys, with.Tensors.Keys);   // the ones are no parameter
    }
}
