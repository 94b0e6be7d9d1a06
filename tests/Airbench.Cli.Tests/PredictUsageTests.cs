namespace Airbench.Tests;

/// <summary>Mistakes in the flags of <c>airbench predict</c> that its own parser has to catch.</summary>
public sealed class PredictUsageTests : IDisposable
{
    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Theory]
    [InlineData("2")]
    [InlineData("-0.1")]
    [InlineData("NaN")]
    [InlineData("half")]
    public void A_threshold_that_is_no_probability_is_bad_usage(string threshold)
    {
        var (code, _, errors) = _place.Run("predict", "a.png", "--bundle", "none", "--tta", "adaptive", "--adaptive-threshold", threshold);

        Assert.Equal(2, code);
        Assert.Contains($"--adaptive-threshold {threshold}: expected 0 to 1", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
    }
}
