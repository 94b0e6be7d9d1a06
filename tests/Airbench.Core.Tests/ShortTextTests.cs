namespace Airbench.Tests;

/// <summary>Labels that fit their room whatever script they are in.</summary>
public sealed class ShortTextTests
{
    [Theory]
    [InlineData("", 5, "")]
    [InlineData("horse", 5, "horse")]
    [InlineData("horses", 5, "hors…")]
    [InlineData("日本語", 6, "日本語")]           // two columns each
    [InlineData("日本語の猫", 6, "日本…")]
    [InlineData("日本語の猫", 7, "日本語…")]
    [InlineData("cafe\u0301 au lait", 5, "cafe\u0301…")]   // the accent belongs to its letter
    [InlineData("😀😀😀", 5, "😀😀…")]            // surrogate pairs stay whole
    [InlineData("猫", 1, "…")]
    public void What_is_seen_fits_and_no_character_is_cut(string text, int columns, string expected) => Assert.Equal(expected, ShortText.Fit(text, columns));
}
