using TorchSharp;

namespace Airbench.Tests;

public sealed class TorchRuntimeTests
{
    [Fact]
    public void Libtorch_loads_on_this_system_and_computes()
    {
        var status = TorchRuntime.Load();
        Assert.Equal(10f, torch.arange(5).to(torch.float32).sum().item<float>());
        Assert.Matches("^2\\.[0-9]+\\.[0-9]+$", TorchRuntime.LibtorchVersion);
        Assert.True(
            Environment.GetEnvironmentVariable(TorchRuntime.LibtorchVariable) is { Length: > 0 } || torch.__version__.StartsWith(TorchRuntime.LibtorchVersion, StringComparison.Ordinal),
            $"the packages bring libtorch {TorchRuntime.LibtorchVersion}, and TorchSharp is for {torch.__version__}");
        if (OperatingSystem.IsLinux())
        {
            Assert.True(File.Exists(Path.Combine(status.Folder, "libtorch_cpu.so")));
        }
    }

    [Theory]
    [InlineData(0x020A_0000_0000_0000, "2.10.0")]
    [InlineData(0x020B_0100_0000_0000, "2.11.1")]
    public void The_version_is_that_of_the_library_that_runs(ulong fromLibtorch, string expected)
    {
        Assert.Equal(expected, TorchRuntime.VersionText(fromLibtorch));
        Assert.NotNull(TorchRuntime.FindExport("aoti_torch_abi_version"));
        Assert.Null(TorchRuntime.FindExport("no_such_function"));
    }

    [Fact]
    public void Asking_for_cuda_where_there_is_none_is_an_error_and_never_the_cpu()
    {
        TorchRuntime.Load();
        Assert.SkipWhen(torch.cuda.is_available(), "this machine has CUDA");
        var error = Assert.Throws<DeviceException>(() => ComputeDevice.Resolve("cuda", Precision.Auto));
        Assert.Contains("-p:Backend=cuda", error.Message, StringComparison.Ordinal);
        Assert.Equal("cpu", ComputeDevice.Resolve("auto", Precision.Fp32).Description);
    }

    [Theory]
    [InlineData(Precision.Fp16, "precision fp16 needs CUDA")]
    [InlineData(Precision.Fp16Weights, "precision fp16_weights needs CUDA")]
    public void Fp16_on_the_cpu_is_an_error_that_names_the_option(Precision precision, string expected)
    {
        var message = Assert.Throws<DeviceException>(() => ComputeDevice.Resolve("cpu", precision)).Message;
        Assert.StartsWith(expected, message, StringComparison.Ordinal);
        Assert.Contains("train.with.precision", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Precision.Bf16, torch.ScalarType.BFloat16, torch.ScalarType.Float32)]
    [InlineData(Precision.Bf16Weights, torch.ScalarType.BFloat16, torch.ScalarType.BFloat16)]
    [InlineData(Precision.Fp16, torch.ScalarType.Float16, torch.ScalarType.Float32)]
    [InlineData(Precision.Fp16Weights, torch.ScalarType.Float16, torch.ScalarType.Float16)]
    [InlineData(Precision.Fp32, torch.ScalarType.Float32, torch.ScalarType.Float32)]
    public void A_precision_is_a_type_of_activations_and_one_of_weights(Precision precision, torch.ScalarType compute, torch.ScalarType weights)
    {
        var device = new ComputeDevice(torch.CPU, "cpu", precision);
        Assert.Equal((compute, weights), (device.ComputeType, device.WeightType));
    }
}
