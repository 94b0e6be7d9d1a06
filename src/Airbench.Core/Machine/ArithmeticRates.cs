using System.ComponentModel.DataAnnotations;
using System.Globalization;

namespace Airbench;

/// <summary>How fast a processor does the largest convolutions of a network, forward and backward, in each of two arithmetics.</summary>
/// <param name="Processor">Its model.</param>
/// <param name="Threads">How many threads measured.</param>
/// <param name="Bf16Gflops">In bf16, 10^9 operations a second.</param>
/// <param name="Fp32Gflops">In fp32, 10^9 operations a second.</param>
/// <param name="MeasuredUtc">When: "2026-01-31T12:00:00Z".</param>
public sealed record ArithmeticRates(
    string Processor, [property: Range(1, int.MaxValue)] int Threads, [property: Range(ArithmeticRates.Least, ArithmeticRates.Most)] double Bf16Gflops,
    [property: Range(ArithmeticRates.Least, ArithmeticRates.Most)] double Fp32Gflops, string MeasuredUtc)
{
    /// <summary>bf16 has to be this many times as fast as fp32, whose results have more digits.</summary>
    public const double LeastGain = 1.15;

    private const double Least = 1e-6;
    private const double Most = 1e9;

    /// <summary>How many times as fast bf16 is.</summary>
    public double Ratio => Bf16Gflops / Fp32Gflops;

    /// <summary>For people: "bf16 1.62 times as fast as fp32 (197 and 122 GFLOP/s a core) on AMD EPYC, measured 2026-01-31".</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"bf16 {Ratio:0.00} times as fast as fp32 ({Bf16Gflops:0} and {Fp32Gflops:0} GFLOP/s {(Threads == 1 ? "a core" : $"on {Threads} threads")}) on {Processor}, measured {MeasuredUtc.Split('T')[0]}");
}
