namespace Airbench.Tests;

/// <summary>Text from outside in messages.</summary>
public sealed class QuoteTests
{
    [Theory]
    [InlineData("disc\r", "'disc\\r'")]
    [InlineData("a\0b\tc\nd", "'a\\u0000b\\tc\\nd'")]
    [InlineData("\u001b[31mred", "'\\u001B[31mred'")]
    [InlineData("\u007f\u009b", "'\\u007F\\u009B'")]
    [InlineData("abc\u202etxt.exe", "'abc\\u202Etxt.exe'")]
    [InlineData("disc\u200b\ufeff", "'disc\\u200B\\uFEFF'")]
    [InlineData("a\u2028b\u2029", "'a\\u2028b\\u2029'")]
    [InlineData("Größe 猫 🐈", "'Größe 猫 🐈'")]
    [InlineData("می\u200cخواهم", "'می\u200cخواهم'")]
    [InlineData("👩\u200d🔬", "'👩\u200d🔬'")]
    public void What_cannot_be_seen_is_shown(string text, string shown) => Assert.Equal(shown, Quote.Show(text));

    [Fact]
    public void A_long_text_is_cut_between_characters()
    {
        Assert.Equal($"'{new string('a', 60)}...'", Quote.Show(new string('a', 61)));
        Assert.Equal("'half \\uD83D'", Quote.Show("half \ud83d"));
        Assert.Equal($"'{new string('a', 59)}...'", Quote.Show(new string('a', 59) + "🐈🐈"));
    }

    /// <summary>Names come into errors from files, archives and tables; here is where they all pass.</summary>
    [Fact]
    public void No_error_writes_a_line_or_a_command_of_its_own()
    {
        const string Name = "a\r\nairbench: all is well\u001b[2J";
        Exception[] errors = [new InvalidFileException(Name, $"has '{Name}'"), new DataException(Name), new DeviceException(Name), new ConfigurationException(Name)];
        Assert.All(errors, error => Assert.DoesNotContain(error.Message, c => char.IsControl(c) && c != '\n'));
        Assert.Equal(@"a\r\nairbench: all is well\u001B[2J: has 'a\r\nairbench: all is well\u001B[2J'", errors[0].Message);
        Assert.Equal(Name, ((InvalidFileException)errors[0]).Path);
        Assert.Equal("one\n  a\\nb", new DataException("one", ["  a\nb"]).Message);
        Assert.Equal("one\ntwo", new ConfigurationException("one\ntwo").Message);   // problems of a pipeline, a line each
    }
}
