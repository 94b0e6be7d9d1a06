using CsCheck;

namespace Airbench.Tests;

public sealed class StudentTTests
{
    /// <summary>Published upper quantiles (Abramowitz and Stegun, table 26.10; NIST handbook, 1.3.6.7.2).</summary>
    [Theory]
    [InlineData(0.95, 1, 6.314)]
    [InlineData(0.975, 1, 12.706)]
    [InlineData(0.995, 1, 63.657)]
    [InlineData(0.9995, 1, 636.619)]
    [InlineData(0.975, 2, 4.303)]
    [InlineData(0.9995, 3, 12.924)]
    [InlineData(0.90, 4, 1.533)]
    [InlineData(0.975, 4, 2.776)]
    [InlineData(0.975, 9, 2.262)]
    [InlineData(0.99, 10, 2.764)]
    [InlineData(0.975, 30, 2.042)]
    [InlineData(0.995, 60, 2.660)]
    [InlineData(0.975, 120, 1.980)]
    [InlineData(0.75, 7, 0.711)]
    public void Quantiles_are_the_published_ones(double probability, double degrees, double published)
    {
        Assert.Equal(published, StudentT.Quantile(probability, degrees), 3);
        Assert.Equal(-published, StudentT.Quantile(1 - probability, degrees), 3);
    }

    [Fact]
    public void Tails_agree_with_the_closed_forms_that_few_degrees_have() =>
        Gen.Double[-50, 50].ForEachCase(
            t =>
            {
                Assert.Equal(0.5 - (Math.Atan(t) / Math.PI), StudentT.UpperTail(t, 1), 1e-12);
                Assert.Equal(0.5 - (t / (2 * Math.Sqrt(2 + (t * t)))), StudentT.UpperTail(t, 2), 1e-12);
                var x = t / Math.Sqrt(4 + (t * t));   // 4 degrees: 1/2 + 3/4 (x - x^3 / 3)
                Assert.Equal(0.5 - (0.75 * (x - (x * x * x / 3))), StudentT.UpperTail(t, 4), 1e-12);
            },
            cases: 500);

    /// <summary>Midpoint rule with t = tan(u), which maps the line to (-pi/2, pi/2); the density's constant is its own total.</summary>
    [Fact]
    public void Tails_of_any_degrees_are_the_area_under_the_density() =>
        Gen.Select(Gen.Double[2, 80], Gen.Double[-4, 4]).ForEachCase(
            (degrees, t) =>
            {
                double Mass(double from, double to)
                {
                    const int Steps = 20_000;
                    var h = (to - from) / Steps;
                    return Enumerable.Range(0, Steps).Sum(i => Density(from + ((i + 0.5) * h))) * h;
                }
                double Density(double u) => Math.Pow(1 + (Math.Tan(u) * Math.Tan(u) / degrees), -(degrees + 1) / 2) / (Math.Cos(u) * Math.Cos(u));
                var area = Mass(Math.Atan(t), Math.PI / 2) / Mass(-Math.PI / 2, Math.PI / 2);
                Assert.Equal(area, StudentT.UpperTail(t, degrees), 1e-6);
            },
            cases: 20);

    [Fact]
    public void A_quantile_has_its_own_tail_and_the_distribution_is_symmetric() =>
        Gen.Select(Gen.Double[0.0005, 0.9995], Gen.Double[0.7, 2000]).ForEachCase(
            (probability, degrees) =>
            {
                var t = StudentT.Quantile(probability, degrees);
                Assert.Equal(1 - probability, StudentT.UpperTail(t, degrees), 1e-9);
                Assert.Equal(1, StudentT.UpperTail(t, degrees) + StudentT.UpperTail(-t, degrees), 1e-12);
            },
            cases: 200);

    [Fact]
    public void Many_degrees_are_the_normal_distribution()
    {
        Assert.Equal(1.959964, StudentT.Quantile(0.975, 1e6), 1e-5);
        Assert.Equal(0.158655, StudentT.UpperTail(1, 1e6), 1e-5);
    }

    [Theory]
    [InlineData(double.PositiveInfinity, 0)]
    [InlineData(1e200, 0)]
    [InlineData(0, 0.5)]
    [InlineData(1e-12, 0.5)]
    [InlineData(double.NegativeInfinity, 1)]
    public void The_ends_and_the_middle_are_exact(double t, double tail) => Assert.Equal(tail, StudentT.UpperTail(t, 3), 1e-9);
}
