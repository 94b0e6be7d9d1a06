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
        var abilities = CudaAbilities.Try(new Device(DeviceType.CUDA, 0));
        Assert.False(abilities.CopiesFromPinnedMemory);
        Assert.Contains(abilities.Lacks, lack => lack.StartsWith("copies from pinned memory (", StringComparison.Ordinal));
        Assert.All(abilities.Lacks, lack => Assert.DoesNotContain('\n', lack));
        var progress = new Lines();
        (new ComputeDevice(CPU, "cuda:0 Some GPU, without everything", Precision.Fp16) { Abilities = abilities }).Warn(progress);
        Assert.Equal(abilities.Lacks.Count, progress.Warnings.Count);
        Assert.All(progress.Warnings, line => Assert.StartsWith("cuda:0 Some GPU trains without ", line, StringComparison.Ordinal));
    }

    [Fact]
    public void A_cpu_lacks_nothing()
    {
        var progress = new Lines();
        ComputeDevice.Resolve("cpu", Precision.Fp32).Warn(progress);
        Assert.Empty(progress.Warnings);
    }
}
