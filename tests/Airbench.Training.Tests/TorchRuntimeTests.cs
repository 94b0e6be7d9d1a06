using TorchSharp;

namespace Airbench.Tests;

public sealed class TorchRuntimeTests
{
    [Fact]
    public void Libtorch_loads_on_this_system_and_computes()
    {
        var status = TorchRuntime.Load();
        Assert.Equal(10f, torch.arange(5).to(torch.float32).sum().item<float>());
        Assert.StartsWith("2.10.", TorchRuntime.LibtorchVersion, StringComparison.Ordinal);
        if (OperatingSystem.IsLinux())
        {
            Assert.True(File.Exists(Path.Combine(status.Folder, "libtorch_cpu.so")));
        }
    }

    [Fact]
    public void Asking_for_cuda_where_there_is_none_is_an_error_and_never_the_cpu()
    {
        TorchRuntime.Load();
        Assert.SkipWhen(torch.cuda.is_available(), "this machine has CUDA");
        var error = Assert.Throws<DeviceException>(() => ComputeDevice.Resolve("cuda", Precision.Auto));
        Assert.Contains("-p:Backend=cuda", error.Message, StringComparison.Ordinal);
        Assert.Equal("cpu", ComputeDevice.Resolve("auto", Precision.Auto).Description);
    }

    [Fact]
    public void Fp16_on_the_cpu_is_an_error_that_names_the_option() =>
        Assert.Contains("train.with.precision", Assert.Throws<DeviceException>(() => ComputeDevice.Resolve("cpu", Precision.Fp16)).Message, StringComparison.Ordinal);

    [Fact]
    public void Precision_auto_is_bf16_exactly_where_the_processor_has_it() =>
        Assert.Equal(CpuFeatures.HasBf16 ? Precision.Bf16 : Precision.Fp32, ComputeDevice.Resolve("cpu", Precision.Auto).Precision);
}
