using TorchSharp;

namespace Airbench.Tests;

/// <summary>What <c>precision: auto</c> takes on a CPU: what is faster there, measured once.</summary>
public sealed class AutoPrecisionTests : IDisposable
{
    private static readonly NetworkSpec Network = Recipe.All["airbench94"].Network(32, 10, [0, 0, 0], [1, 1, 1]);

    private readonly TemporaryFolder _cache = new();
    private readonly RecordedProgress _progress = new();
    private int _measured;

    public void Dispose() => _cache.Dispose();

    [Theory]
    [InlineData(114, Precision.Fp32)]
    [InlineData(115, Precision.Bf16)]
    [InlineData(116, Precision.Bf16)]
    public void Bf16_has_to_be_clearly_faster(double bf16, Precision expected)
    {
        var choice = PrecisionChoice.By(Rates(bf16, 100));
        Assert.Equal(expected, choice.Precision);
        Assert.Equal(bf16 / 100, choice.Rates!.Ratio, 12);
    }

    [Fact]
    public void A_choice_says_both_rates_on_which_processor_and_when() => Assert.Equal(
        "auto takes bf16: bf16 1.62 times as fast as fp32 (197 and 122 GFLOP/s a core) on Some CPU, measured 2026-01-31",
        PrecisionChoice.By(Rates(197.3, 121.9)).ToString());

    [Theory]
    [InlineData(false, null, null, "this processor has neither AVX512-BF16 nor AMX-BF16")]
    [InlineData(true, "AVX2", null, "ONEDNN_MAX_CPU_ISA=AVX2 leaves libtorch no bf16 products")]
    [InlineData(true, "avx512_core", null, "ONEDNN_MAX_CPU_ISA=avx512_core leaves libtorch no bf16 products")]
    [InlineData(true, null, "SSE41", "DNNL_MAX_CPU_ISA=SSE41 leaves libtorch no bf16 products")]
    [InlineData(true, "AVX512_CORE_BF16", "AVX2", null)]   // oneDNN looks at the first alone
    [InlineData(true, "", null, null)]
    [InlineData(true, null, null, null)]
    public void Without_bf16_products_nothing_is_measured(bool hasBf16, string? oneDnn, string? dnnl, string? expected)
    {
        var obstacle = AutoPrecision.Obstacle(hasBf16, name => name == "ONEDNN_MAX_CPU_ISA" ? oneDnn : dnnl);
        Assert.Equal(expected, obstacle);
        if (obstacle is not null)
        {
            var auto = new AutoPrecision(obstacle, _ => throw new InvalidOperationException("measured"), use => use(_cache.Path));
            Assert.Equal(new PrecisionChoice(Precision.Fp32, obstacle), auto.Choose(Network, 0, _progress));
            Assert.Equal(new PrecisionChoice(Precision.Fp32, obstacle), auto.Known(Network, 0));
        }
    }

    [Theory]
    [InlineData("airbench94", 32, "256 -> 256 at 7x7 for 116 MFLOP; 64 -> 256 at 15x15 for 66 MFLOP; 24 -> 64 at 31x31 for 27 MFLOP")]
    [InlineData("airbench96", 32, "384 -> 384 at 7x7 for 260 MFLOP")]   // more would take too long
    [InlineData("resnet18", 32, "64 -> 64 at 32x32 for 302 MFLOP; 128 -> 128 at 16x16 for 226 MFLOP; 256 -> 256 at 8x8 for 226 MFLOP")]
    [InlineData("resnet18", 224, "64 -> 64 at 32x32 for 14798 MFLOP")]   // a part of a plane with 224 x 224 pixels
    public void A_network_s_largest_convolutions_stand_for_it(string recipe, int size, string expected) =>
        Assert.Equal(expected, string.Join("; ", TypicalConvolution.Of(Recipe.All[recipe].Network(size, 10, [0, 0, 0], [1, 1, 1]))));

    [Fact]
    public void A_convolution_in_steps_counts_its_own_work()
    {
        var layers = TypicalConvolution.Of(Recipe.All["resnet18"].Network(32, 10, [0, 0, 0], [1, 1, 1]) with { Widths = [16, 64, 16, 16] });
        Assert.Contains(layers, one => one.ToString() == "16 -> 64 at 32x32 in steps of 2 for 5 MFLOP" && one.Flops == 2L * 16 * 9 * 64 * 16 * 16);
    }

    [Fact]
    public void A_narrow_network_is_not_measured_and_takes_bf16()
    {
        var narrow = Network with { Widths = [8, 16, 16] };
        Assert.Empty(TypicalConvolution.Of(narrow));
        Assert.Equal(Precision.Bf16, Auto(Rates(50, 100)).Choose(narrow, 0, _progress).Precision);
        Assert.Equal(0, _measured);
    }

    [Fact]
    public void A_machine_is_measured_once_for_each_network_and_number_of_threads()
    {
        Assert.Null(Auto(Rates(200, 100)).Known(Network, 0));
        Assert.Equal(Precision.Bf16, Auto(Rates(200, 100)).Choose(Network, 0, _progress).Precision);
        Assert.Equal(PrecisionChoice.By(Rates(200, 100)), Auto(Rates(50, 100)).Choose(Network, 0, _progress));
        Assert.Equal(PrecisionChoice.By(Rates(200, 100)), Auto(Rates(50, 100)).Known(Network, 0));
        Assert.Equal(1, _measured);

        Assert.Null(Auto(Rates(50, 100)).Known(Network with { Widths = [64, 128, 256] }, 0));
        Assert.Null(Auto(Rates(50, 100)).Known(Network with { ImageSize = 48 }, 0));
        Assert.Equal(Precision.Fp32, Auto(Rates(50, 100)).Choose(Network, Environment.ProcessorCount + 1, _progress).Precision);
        Assert.Equal(2, _measured);
        Assert.Equal(Precision.Bf16, Auto(Rates(50, 100)).Known(Network with { ClassCount = 100 }, 0)!.Precision);   // the head is not measured
    }

    /// <summary>Another processor, libtorch or build: the file may come with a home that machines share.</summary>
    [Fact]
    public void Rates_hold_for_their_own_key_alone()
    {
        var key = RatesKey.For(TypicalConvolution.Of(Network), 0);
        RatesFile.Write(_cache.Path, key, Rates(200, 100));
        Assert.Equal(Rates(200, 100), RatesFile.Read(_cache.Path, key));
        Assert.All(
            (RatesKey[])
            [
                key with { Processor = "GenuineIntel family 6 model 207 stepping 2, avx512-bf16" }, key with { Limits = "ATEN_CPU_CAPABILITY=avx2, .NET has AVX2" },
                key with { Libtorch = "1 bytes" }, key with { Product = "0.0.1" }, key with { Threads = "77" }, key with { Convolutions = "" },
            ],
            other => Assert.Null(RatesFile.Read(_cache.Path, other)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("no json")]
    [InlineData("zero")]
    [InlineData("other key")]
    public void A_damaged_file_is_measured_again_and_replaced(string damage)
    {
        Auto(Rates(200, 100)).Choose(Network, 0, _progress);
        var file = Assert.Single(Directory.GetFiles(_cache.Path, "*", SearchOption.AllDirectories));
        File.WriteAllText(file, damage switch
        {
            "zero" => File.ReadAllText(file).Replace("\"fp32_gflops\": 100", "\"fp32_gflops\": 0", StringComparison.Ordinal),
            "other key" => File.ReadAllText(file).Replace("\"libtorch\": \"", "\"libtorch\": \"another ", StringComparison.Ordinal),
            _ => damage,
        });
        Assert.Equal(Precision.Fp32, Auto(Rates(50, 100)).Choose(Network, 0, _progress).Precision);
        Assert.Equal(Precision.Fp32, Auto(Rates(200, 100)).Choose(Network, 0, _progress).Precision);
        Assert.Equal(2, _measured);
    }

    [Fact]
    public void Processes_that_write_and_read_at_once_see_whole_files_alone()
    {
        var key = RatesKey.For(TypicalConvolution.Of(Network), 0);
        RatesFile.Write(_cache.Path, key, Rates(1, 100));
        Parallel.For(1, 33, i =>
        {
            RatesFile.Write(_cache.Path, key, Rates(i, 100));
            Assert.NotNull(RatesFile.Read(_cache.Path, key));
        });
        Assert.Single(Directory.GetFiles(_cache.Path, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void Where_nothing_can_be_kept_each_training_measures_once_and_says_why()
    {
        var blocked = _cache.Write("file", []);   // below a file nobody can write, not even root
        var auto = new AutoPrecision(null, _ => Measured(Rates(200, 100)), use => use(blocked));
        Assert.Equal(Precision.Bf16, auto.Choose(Network, 0, _progress).Precision);
        Assert.Equal(1, _measured);
        Assert.StartsWith("the rates of bf16 and fp32 are not kept", Assert.Single(_progress.Warnings), StringComparison.Ordinal);
        Assert.Null(auto.Known(Network, 0));
        auto.Choose(Network, 0, _progress);
        Assert.Equal(2, _measured);
    }

    [Fact]
    public void Both_arithmetics_of_a_training_are_measured_and_its_threads_stay_what_they_are()
    {
        TorchRuntime.LoadWith(2);
        var small = TypicalConvolution.Of(Network with { ImageSize = 16, Widths = [16, 16, 32] });
        var rates = ConvolutionRates.Measure([small[0]]);
        Assert.True(rates is { Bf16Gflops: > 0, Fp32Gflops: > 0, Threads: >= 1, Processor.Length: > 0 });
        Assert.True(DateTimeOffset.TryParse(rates.MeasuredUtc, out _));
        Assert.Equal(2, torch.get_num_threads());
    }

    [Fact]
    public void On_a_cpu_auto_asks_for_a_choice_and_a_given_precision_does_not()
    {
        var choice = PrecisionChoice.By(Rates(50, 100));
        var device = ComputeDevice.Resolve("cpu", Precision.Auto, () => choice);
        Assert.Equal((Precision.Fp32, choice), (device.Precision, device.Choice));
        device = ComputeDevice.Resolve("cpu", Precision.Bf16, () => throw new InvalidOperationException("asked"));
        Assert.Equal((Precision.Bf16, null), (device.Precision, device.Choice));
        Assert.Throws<ArgumentException>(() => ComputeDevice.Resolve("cpu", Precision.Auto));
    }

    [Fact]
    public void A_processor_is_named_by_what_decides_its_speed()
    {
        Assert.Equal(CpuFeatures.HasAvx512Bf16, CpuFeatures.Id.Contains("avx512-bf16", StringComparison.Ordinal));
        Assert.Equal(System.Runtime.Intrinsics.X86.X86Base.IsSupported, CpuFeatures.Id.Contains(" family ", StringComparison.Ordinal));
    }

    internal static ArithmeticRates Rates(double bf16, double fp32) => new("Some CPU", 1, bf16, fp32, "2026-01-31T12:00:00Z");

    private AutoPrecision Auto(ArithmeticRates rates) => new(null, _ => Measured(rates), use => use(_cache.Path));

    private ArithmeticRates Measured(ArithmeticRates rates)
    {
        _measured++;
        return rates;
    }
}
