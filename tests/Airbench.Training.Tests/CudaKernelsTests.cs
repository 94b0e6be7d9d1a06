using System.Diagnostics;
using System.Text.RegularExpressions;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Tests;

/// <summary>The text of the CUDA kernels: compiled by g++ it computes what libtorch's operators do in float64; for GPUs it becomes PTX.</summary>
public sealed partial class CudaKernelsTests
{
    private static readonly Lazy<CudaKernels?> Bf16 = new(() => Build(ScalarType.BFloat16));
    private static readonly Lazy<CudaKernels?> Fp16 = new(() => Build(ScalarType.Float16));

    /// <summary>The same numbers in every run.</summary>
    public CudaKernelsTests() => manual_seed(1);

    [Theory]
    [InlineData(3, 64, 7, 2, true, Activation.Gelu)]      // an edge that no window covers
    [InlineData(2, 256, 4, 2, true, Activation.Silu)]     // four slices of channels
    [InlineData(5, 24, 5, 2, true, null)]                 // a slice of eight channels
    [InlineData(70, 32, 3, 0, true, Activation.Gelu)]     // more than one block
    [InlineData(1, 192, 2, 0, true, Activation.Silu)]
    [InlineData(9, 16, 9, 0, true, null)]
    [InlineData(3, 256, 3, 3, false, null)]
    [InlineData(2, 8, 11, 4, false, null)]
    [InlineData(3, 24, 6, 0, false, Activation.Gelu)]     // the whitening layer
    [InlineData(2, 16, 5, 0, false, Activation.Silu)]
    public void Equal_float64(int images, int channels, int size, int pool, bool hasNorm, Activation? activation)
    {
        var test = new KernelCheck.Case(channels, size, pool, hasNorm, activation);
        foreach (var (lazy, unit) in new[] { (Bf16, 1.0 / 256), (Fp16, 1.0 / 2048) })
        {
            var kernels = Built(lazy);
            foreach (var errors in new[] { KernelCheck.Run(kernels, CPU, test, images, isTimed: false).Errors, KernelCheck.ThroughAutograd(kernels, CPU, test, images) })
            {
                Assert.Equal(hasNorm ? 5 : 2, errors.Count);
                Assert.All(errors, error => Assert.True(error.Value < Limit(error.Key), $"{kernels.Type} {error.Key} differs by {error.Value}"));
            }

            // Rounding the result alone may change it by half of its last bit.
            double Limit(string name) => name is "y" or "dx" ? pool > 0 && !hasNorm ? 1e-9 : 1.02 * unit : 1e-5;
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Of_equal_maxima_the_first_counts_and_what_is_no_number_is_above_all(int size)
    {
        using var scope = NewDisposeScope();
        var kernels = Built(Bf16);
        var x = randint(-2, 2, [4, 16, 7, 7]).to(ScalarType.Float32);
        x = x.masked_fill(rand(x.shape).lt(0.05), float.NaN);
        x = ChannelsLast.Of(x.to(ScalarType.BFloat16));
        var dy = randn(4, 16, 7 / size, 7 / size).to(ScalarType.BFloat16);
        var wide = x.to(ScalarType.Float32).requires_grad_();
        var expected = F.max_pool2d(wide, size);
        var gradient = autograd.grad([expected], [wide], [dy.to(ScalarType.Float32)])[0];

        using var none = no_grad();
        var (y, places) = kernels.Pool(ChannelsLast.Pixels(x), size);
        var dx = kernels.PoolGradient(ChannelsLast.Pixels(dy), places, 7, 7, size);
        Assert.True(Same(y, expected));
        Assert.True(Same(dx, gradient));
        if (size == 2)
        {
            var (_, kept) = kernels.Normalize(ChannelsLast.Pixels(x), true, zeros(16), zeros(16), ones(16), 0.4, 1e-12, null);
            Assert.True(Same(kept.X, expected));
            Assert.True(AreEqual(places.view(-1), Unpack(kept.Places!)));
        }

        static bool Same(Tensor found, Tensor expected) =>
            AreEqual(found.to(ScalarType.Float32).permute(0, 3, 1, 2).nan_to_num(99), expected.detach().nan_to_num(99));

        static Tensor Unpack(Tensor places) =>
            stack([.. Enumerable.Range(0, 8).Select(lane => places.to(ScalarType.Int32).bitwise_right_shift(tensor(2 * lane)).bitwise_and(tensor(3)))], -1)
                .to(ScalarType.Byte).view(-1);
    }

    [Theory]
    [InlineData("airbench94")]
    [InlineData("airbench96")]
    [InlineData("speedrun2026")]
    public void A_trained_network_has_the_logits_that_it_has_without(string name)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var recipe = Recipe.All[name];
        using var generator = new Generator(3, CPU);
        var spec = recipe.Network(imageSize: 32, classCount: 10, mean: [0, 0, 0], std: [1, 1, 1]);
        using var network = Network.Create(spec, recipe, ComputeDevice.Resolve("cpu", Precision.Fp32), generator);
        foreach (var (key, tensor) in network.Tensors.Where(pair => pair.Key.EndsWith("running_var", StringComparison.Ordinal)))
        {
            tensor.copy_(rand(tensor.shape, generator: generator) + 0.2);
        }
        var images = randn(6, 3, 32, 32, generator: generator);
        var expected = network.Forward(images, training: false);
        network.InferenceKernels = Built(Bf16);
        var found = network.Forward(ChannelsLast.Of(images.to(ScalarType.BFloat16)), training: false);
        network.InferenceKernels = null;
        var plain = network.Forward(ChannelsLast.Of(images.to(ScalarType.BFloat16)), training: false);
        Assert.False(AreEqual(found, plain));
        Assert.True(Error(found) < 1.3 * Error(plain), $"{Error(found)} from fp32, without our kernels {Error(plain)}");

        double Error(Tensor logits) => ((logits - expected).norm() / expected.norm()).item<float>();
    }

    [Fact]
    public void The_same_bits_come_each_time()
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var kernels = Built(Bf16);
        var (x, dy) = (randn(9, 8, 8, 64).to(ScalarType.BFloat16), randn(9, 8, 8, 64).to(ScalarType.BFloat16));
        var (first, second) = (Once(), Once());
        Assert.All(first.Zip(second), pair => Assert.True(AreEqual(pair.First, pair.Second)));

        Tensor[] Once()
        {
            var (y, kept) = kernels.Normalize(x, false, zeros(64), zeros(64), ones(64), 0.4, 1e-12, Activation.Gelu);
            var (dx, dBias) = kernels.Gradients(kept, dy);
            return [y, dx, dBias];
        }
    }

    [Theory]
    [InlineData("airbench94")]
    [InlineData("airbench96")]      // with residual connections
    [InlineData("speedrun2025")]
    public void A_network_has_the_gradients_that_it_has_without(string name)
    {
        using var scope = NewDisposeScope();
        var kernels = Built(Bf16);
        var recipe = Recipe.All[name];
        using var generator = new Generator(3, CPU);
        using var network = Network.Create(
            recipe.Network(imageSize: 32, classCount: 10, mean: [0, 0, 0], std: [1, 1, 1]), recipe, ComputeDevice.Resolve("cpu", Precision.Fp32), generator);
        var images = randn(8, 3, 32, 32, generator: generator);
        var labels = arange(8);
        Tensor[] parameters = [.. network.Tensors.Where(pair => !pair.Key.Contains("running", StringComparison.Ordinal) && pair.Key != "whiten.weight").Select(pair => pair.Value.requires_grad_())];

        var (plain, exact, own) = (Pass(null, ScalarType.BFloat16), Pass(null, ScalarType.Float32), Pass(kernels, ScalarType.BFloat16));
        Assert.True(Distance(own, exact) < 1.3 * Distance(plain, exact), $"{Distance(own, exact)} from fp32, without our kernels {Distance(plain, exact)}");

        Tensor[] Pass(CudaKernels? kernels, ScalarType type)
        {
            using var pass = new BackwardPass(kernels);
            var loss = F.cross_entropy(network.Forward(ChannelsLast.Of(images.to(type)), training: true, pass), labels, reduction: nn.Reduction.Sum);
            return pass.Of(loss, parameters);
        }

        static double Distance(Tensor[] found, Tensor[] expected) => found.Zip(expected).Average(pair =>
            ((pair.First.to(ScalarType.Float32) - pair.Second).norm() / pair.Second.norm()).item<float>());
    }

    [Theory]
    [InlineData("sm_80", "")]
    [InlineData("sm_86", "-DF16")]
    [InlineData("sm_90", "")]
    [InlineData("sm_90", "-DF16")]
    public void Clang_makes_PTX_with_wide_accesses_and_without_spills(string architecture, string define)
    {
        var folder = Directory.CreateTempSubdirectory("airbench-ptx-");
        try
        {
            var (text, ptx) = (Path.Combine(folder.FullName, "kernels.cu"), Path.Combine(folder.FullName, "kernels.ptx"));
            File.WriteAllText(text, KernelLibrary.Text);
            string[] arguments = ["-x", "cuda", "--cuda-device-only", "-nocudainc", "-nocudalib", "-std=c++17", "-O3", $"--cuda-gpu-arch={architecture}", .. define.Length > 0 ? [define] : (string[])[], "-S", "-o", ptx, text];
            Process? clang = null;
            foreach (var name in (string[])["clang++-16", "clang++"])
            {
                try
                {
                    clang ??= Process.Start(new ProcessStartInfo(name, arguments) { RedirectStandardError = true });
                }
                catch (System.ComponentModel.Win32Exception)
                {
                    continue;   // not installed
                }
            }
            Assert.SkipWhen(clang is null, "needs clang 16 (apt-get install clang-16), which knows sm_90");
            var errors = clang!.StandardError.ReadToEnd();
            clang.WaitForExit();
            Assert.True(clang.ExitCode == 0, errors);
            var found = File.ReadAllText(ptx);
            Assert.DoesNotContain(".local", found);
            var entries = Entry().Matches(found).ToDictionary(entry => entry.Groups[1].Value, entry => entry.Groups[2].Value);
            Assert.All(entries.Where(entry => entry.Key is not ("whiten_slopes_same" or "freeze")), entry => Assert.Contains(".v4.u32", entry.Value));
            Assert.Equal(2, Regex.Count(entries["gradient_gelu"], @"st\.global\.v4"));
            Assert.Empty(entries.Keys.Except(["moments", "pool_moments", "pool", "unpool", "freeze", .. from pass in (string[])["apply", "pool_apply", "slopes", "gradient", "pool_gradient", "whiten", "whiten_slopes"] from f in (string[])["gelu", "silu", "same"] select $"{pass}_{f}"]));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    [Theory]
    [InlineData("sm_80")]
    [InlineData("sm_90")]
    [InlineData("compute_90")]
    public void Nvrtc_compiles_them(string architecture)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Nvrtc.IsAvailable, "needs NVRTC, which comes with PyTorch for CUDA (AIRBENCH_LIBTORCH)");
        Assert.NotEmpty(Nvrtc.Compile(KernelLibrary.Text, architecture));
        Assert.NotEmpty(Nvrtc.Compile(KernelLibrary.Text, architecture, "-DF16"));
    }

    [Theory]
    [InlineData(Kernels.Auto)]
    [InlineData(Kernels.Own)]
    public void On_a_CPU_there_is_nothing_to_choose(Kernels kernels) =>
        Assert.Null(ComputeDevice.Resolve("cpu", Precision.Bf16).With(new TrainOptions { Kernels = kernels }, IProgress.Silent).Kernels);

    private static bool AreEqual(Tensor found, Tensor expected) => found.eq(expected).all().item<bool>();

    private static CudaKernels? Build(ScalarType type)
    {
        try
        {
            TorchRuntime.Load();
            return KernelChoice.Build(CPU, type);
        }
        catch (DeviceException e) when (e.InnerException is System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private static CudaKernels Built(Lazy<CudaKernels?> kernels)
    {
        Assert.SkipWhen(kernels.Value is null, "needs g++");
        return kernels.Value!;
    }

    [GeneratedRegex(@"\.entry (\w+)\((.*?)\n}", RegexOptions.Singleline)]
    private static partial Regex Entry();
}
