namespace Airbench.Tests;

public sealed class StatisticsTests
{
    [Fact]
    public void Three_runs_have_students_interval()
    {
        var summary = Summary.Of([1, 2, 3]);
        Assert.Equal((3, 2.0, 1.0), (summary.Count, summary.Mean, summary.StandardDeviation!.Value));
        // t(0.975, 2) = 4.302653; 4.302653 / sqrt 3 = 2.484138.
        Assert.Equal(2 - 2.484138, summary.Low95!.Value, 3);
        Assert.Equal(2 + 2.484138, summary.High95!.Value, 3);
    }

    [Theory]
    [InlineData(31, 2.0423)]
    [InlineData(32, 2.0395)]
    [InlineData(61, 2.0003)]
    [InlineData(1001, 1.9623)]
    public void Many_runs_have_the_interval_of_published_quantiles(int runs, double quantile)
    {
        var values = Enumerable.Range(0, runs).Select(i => (double)(i % 2)).ToList();
        var summary = Summary.Of(values);
        Assert.Equal(quantile, (summary.High95!.Value - summary.Mean) * Math.Sqrt(runs) / summary.StandardDeviation!.Value, 1e-4);
    }

    [Fact]
    public void A_single_run_has_no_interval() => Assert.Equal(new Summary(1, 0.9), Summary.Of([0.9]));

    [Fact]
    public void Summaries_survive_their_file()
    {
        var path = Path.GetTempFileName();
        try
        {
            foreach (var summary in (Summary[])[Summary.Of([0.9]), Summary.Of([0.9, 0.91])])
            {
                File.WriteAllText(path, Json.Write(summary));
                Assert.Equal(summary, Json.Read<Summary>(path));
            }
        }
        finally
        {
            File.Delete(path);
        }
    }
}
