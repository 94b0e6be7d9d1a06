using Airbench.Onnx;
using CsCheck;

namespace Airbench.Tests;

/// <summary>Ranges chosen from distributions whose answer is known.</summary>
public sealed class ValueHistogramTests
{
    /// <summary>Width of a bin where the range is [-1, 1].</summary>
    private const double Bin = 2.0 / ValueHistogram.Bins;

    private static readonly float[] Uniform = [.. Enumerable.Range(0, 200_001).Select(i => (float)((i / 100_000.0) - 1))];

    [Theory]
    [InlineData(1, -1, 1)]
    [InlineData(0.9, -0.9, 0.9)]
    [InlineData(0.5, -0.5, 0.5)]
    public void The_central_share_of_a_uniform_distribution_is_that_share_of_its_range(double share, double low, double high)
    {
        var range = Of(Uniform).Central(share);

        Assert.Equal(low, range.Low, Bin * 1.01);
        Assert.Equal(high, range.High, Bin * 1.01);
    }

    [Fact]
    public void The_central_share_leaves_out_at_most_half_of_the_rest_at_either_end() =>
        Gen.Select(Gen.Int, Gen.Double[0.5, 1], Gen.Int[1, 3000]).ForEachCase((seed, share, count) =>
        {
            var random = new Random(seed);
            var values = Enumerable.Range(0, count).Select(_ => (float)Math.Pow(random.NextDouble() - 0.4, 3)).ToArray();

            var range = Of(values).Central(share);

            var slack = 1e-6 * (values.Max() - values.Min());
            Assert.InRange(values.Count(v => v < range.Low - slack), 0, (1 - share) / 2 * count);
            Assert.InRange(values.Count(v => v > range.High + slack), 0, (1 - share) / 2 * count);
        });

    [Fact]
    public void A_lone_value_far_out_is_left_out_by_percentile_and_entropy_but_not_by_minmax()
    {
        var values = Uniform.Append(40f).ToArray();
        var histogram = Of(values);

        Assert.Equal(40, histogram.Choose(new() { Method = CalibrationMethod.Minmax }).High);
        Assert.InRange(histogram.Choose(new() { Method = CalibrationMethod.Percentile, Percentile = 99.99 }).High, 0.9, 1.1);
        // At least 256 of 2048 bins stay: an eighth of the 41 from end to end.
        Assert.InRange(histogram.Choose(new() { Method = CalibrationMethod.Entropy }).High, 0.9, 8);
    }

    [Fact]
    public void A_uniform_distribution_loses_least_with_its_whole_range() =>
        Assert.Equal(new ValueRange(-1, 1), Of(Uniform).LeastDivergence());

    [Fact]
    public void A_long_thin_tail_is_cut_on_its_own_side()
    {
        var random = new Random(5);
        float[] values = [-0.2f, .. Enumerable.Range(0, 200_000).Select(_ => (float)(-0.15 + (-Math.Log(1 - random.NextDouble()) / 4)))];
        var range = Of(values).LeastDivergence();

        Assert.InRange(range.High, 0.5, values.Max() * 0.95);
        Assert.InRange(range.Low, -0.2001, 0);
    }

    [Theory]
    [InlineData(CalibrationMethod.Minmax)]
    [InlineData(CalibrationMethod.Percentile)]
    [InlineData(CalibrationMethod.Entropy)]
    public void A_value_that_never_changes_is_its_own_range(CalibrationMethod method) =>
        Assert.Equal(new ValueRange(0.25, 0.25), Of([0.25f, 0.25f, 0.25f]).Choose(new() { Method = method }));

    private static ValueHistogram Of(float[] values)
    {
        var histogram = new ValueHistogram(new ValueRange(values.Min(), values.Max()));
        histogram.Add(values);
        return histogram;
    }
}
