using CsCheck;

namespace Airbench.Tests;

public sealed class EstimateTests
{
    // Student's sleep data (Biometrika, 1908): hours of sleep gained with two drugs.
    private static readonly double[] DrugOne = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
    private static readonly double[] DrugTwo = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];

    [Fact]
    public void Welchs_interval_of_students_sleep_data_is_the_published_one()
    {
        // R: t.test(extra ~ group, data = sleep) prints -3.3654832 0.2054832.
        var difference = Estimate.Difference(DrugOne, DrugTwo);
        Assert.Equal(0.75 - 2.33, difference.Value, 9);
        Assert.Equal(-3.3654832, difference.Low95!.Value, 6);
        Assert.Equal(0.2054832, difference.High95!.Value, 6);
    }

    [Fact]
    public void The_p_value_of_a_mean_is_the_one_sided_t_test()
    {
        // t = (2 - 1) / (1 / sqrt 3) with 2 degrees of freedom, whose tail is 1/2 - t / (2 sqrt(2 + t^2)).
        Assert.Equal(0.5 - (Math.Sqrt(3) / (2 * Math.Sqrt(5))), Summary.Of([1, 2, 3]).ProbabilityUnderTarget(1)!.Value, 9);
        // R: t.test(extra[group == 1], mu = 0, alternative = "greater") on the sleep data prints p-value = 0.1088 (two-sided 0.2176).
        Assert.Equal(0.1088, Summary.Of(DrugOne).ProbabilityUnderTarget(0)!.Value, 4);
        Assert.Equal(0.5, Summary.Of([1, 2, 3]).ProbabilityUnderTarget(2)!.Value, 9);
        Assert.True(Summary.Of([1, 2, 3]).ProbabilityUnderTarget(4) > 0.9);
    }

    [Fact]
    public void Without_a_spread_there_is_no_p_value_and_no_interval()
    {
        Assert.Null(Summary.Of([0.94]).ProbabilityUnderTarget(0.9));
        Assert.Null(Summary.Of([0.94, 0.94]).ProbabilityUnderTarget(0.9));
        Assert.Equal(new Estimate(2), Estimate.Ratio([4], [2]));
        Assert.Equal((null, null), (Estimate.Ratio([4], [2, 3]).Low95, Estimate.Ratio([4, 5], [2]).High95));
        var equal = Estimate.Ratio([4, 4], [2, 2]);
        Assert.Equal((2, 2, 2), (equal.Value, equal.Low95!.Value, equal.High95!.Value));
    }

    /// <summary>Times as they come: log-normal, few, unequal in number and spread. 4,000 repetitions have a standard error of 0.35%.</summary>
    [Theory]
    [InlineData(3, 0.02, 3, 0.02)]
    [InlineData(3, 0.05, 10, 0.01)]
    [InlineData(5, 0.02, 7, 0.10)]
    [InlineData(10, 0.30, 10, 0.30)]
    public void The_interval_of_a_ratio_holds_the_true_one_95_times_in_100(int nowCount, double nowSpread, int earlierCount, double earlierSpread)
    {
        const int Repetitions = 4000;
        const double Truth = 1.07;
        var random = new Random(20260101);
        var covered = 0;
        for (var i = 0; i < Repetitions; i++)
        {
            var ratio = Estimate.Ratio(Times(random, nowCount, 3 * Truth, nowSpread), Times(random, earlierCount, 3, earlierSpread));
            covered += ratio.Low95 <= Truth && Truth <= ratio.High95 ? 1 : 0;
        }
        Assert.InRange((double)covered / Repetitions, 0.935, 0.985);   // Welch errs on the wide side with very few values
    }

    [Theory]
    [InlineData(3)]
    [InlineData(8)]
    public void A_mean_just_at_the_target_gives_a_p_value_under_5_percent_5_times_in_100(int runs)
    {
        const int Repetitions = 4000;
        var random = new Random(20260102);
        var significant = Enumerable.Range(0, Repetitions)
            .Count(_ => Summary.Of([.. Enumerable.Range(0, runs).Select(_ => 0.94 + (0.0014 * Normal(random)))]).ProbabilityUnderTarget(0.94) < 0.05);
        Assert.InRange((double)significant / Repetitions, 0.038, 0.062);
    }

    [Fact]
    public void A_ratio_and_its_inverse_are_one_statement()
    {
        var times = Gen.Double[0.1, 10].Array[2, 8];
        Gen.Select(times, times).ForEachCase((a, b) =>
        {
            var (there, back) = (Estimate.Ratio(a, b), Estimate.Ratio(b, a));
            Assert.Equal(1, there.Value * back.Value, 9);
            Assert.Equal(1, there.Low95!.Value * back.High95!.Value, 6);
            Assert.InRange(there.Value, there.Low95.Value, there.High95!.Value);
        });
    }

    [Fact]
    public void A_percentile_is_a_measured_value_that_its_share_does_not_exceed()
    {
        var shares = Gen.Int[1, 100].Select(percent => percent / 100.0);
        Gen.Select(Gen.Int[0, 30].Array[1, 200], shares).ForEachCase((values, share) =>
        {
            var sorted = values.Order().Select(v => (double)v).ToList();
            var percentile = Summary.Percentile(sorted, share);
            Assert.Contains(percentile, sorted);
            Assert.True(sorted.Count(v => v <= percentile) >= (share * sorted.Count) - 1e-9, "fewer than the share are at most it");
            Assert.True(sorted.Count(v => v < percentile) < share * sorted.Count, "a smaller value would do");
        });
        Assert.Equal(9, Summary.Percentile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.9));
    }

    private static double[] Times(Random random, int count, double median, double spread) =>
        [.. Enumerable.Range(0, count).Select(_ => median * Math.Exp(spread * Normal(random)))];

    /// <summary>Standard normal by Box and Muller.</summary>
    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
