using Airbench.Onnx;

namespace Airbench.Tests;

/// <summary>Rows of features.</summary>
public sealed class FeatureTableTests
{
    [Theory]
    [InlineData(3_000_000_000, 1)]
    [InlineData(2_000_000, 2048)]   // as int it would be a small negative number
    public void Features_that_no_array_holds_are_refused_before_it_is_asked_for(long rows, int width) =>
        Assert.Contains("expected fewer crops, or fewer images", Assert.Throws<ConfigurationException>(() => FeatureTable.Room(rows, width)).Message, StringComparison.Ordinal);

    [Fact]
    public void Images_are_the_same_where_each_as_it_is_has_the_same_features()
    {
        var table = new FeatureTable([1, 2, 9, 9, 1, 2, 8, 8, 1, 3, 7, 7], Width: 2, Views: 2);

        Assert.True(table.IsSame(1));
        Assert.True(table.IsSame(2));
        Assert.False(table.IsSame(3));
    }
}
