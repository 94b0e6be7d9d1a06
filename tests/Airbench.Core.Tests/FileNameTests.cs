using System.Text;
using CsCheck;

namespace Airbench.Tests;

public sealed class FileNameTests
{
    // Text of the characters that matter here, so that most of it is somehow wrong.
    private static readonly Gen<string> Text = Gen.OneOf(
        Gen.OneOf("con", "AUX", "nul", "Prn", "com1", "LPT9", "COM\u00B2", "conin$", "aux.txt", "nul .tar.gz", "console", "com", "com10"),
        Gen.OneOf("a", "b", "Z", "7", ".", " ", "..", "<", ">", ":", "\"", "/", "\\", "|", "?", "*", "\0", "\n", "\u0085", "\u00A0", "\u3000"),
        Gen.OneOf("\u5199\u771F", "\u00E4", "\U0001F600", "\uD83D", "\uDE00", "\uFFFD", "-", "_", new string('x', 90), new string('\u732B', 40)))
        .Array[0, 5].Select(string.Concat);

    [Fact]
    public void A_name_without_a_problem_is_one_that_Windows_keeps_as_it_is() =>
        Text.Sample(name => Assert.True(FileName.Problem(name) is not null || IsKeptByWindows(name), $"{name} is accepted"), iter: 5000, seed: "0000000000001");

    [Fact]
    public void An_adapted_name_has_no_problem_and_stays_when_it_is_adapted_again() =>
        Text.Sample(name =>
        {
            var adapted = FileName.Adapt(name);
            Assert.True(adapted.Length == 0 || FileName.Problem(adapted) is null, $"'{adapted}' of '{name}': {FileName.Problem(adapted)}");
            Assert.Equal(adapted, FileName.Adapt(adapted));
            Assert.Equal(FileName.Problem(name) is null, adapted == name && name.Length > 0);
        }, iter: 5000, seed: "0000000000001");

    [Theory]
    [InlineData("photos", "photos")]
    [InlineData("My Photos (2024)", "My Photos (2024)")]
    [InlineData("\u5199\u771F", "\u5199\u771F")]
    [InlineData("a:b?", "a_b_")]
    [InlineData("photos. .", "photos")]
    [InlineData(" ..photos", "photos")]
    [InlineData("aux", "_aux")]
    [InlineData("Nul.tar", "_Nul.tar")]
    [InlineData("com10", "com10")]
    [InlineData("COM\u00B9", "_COM\u00B9")]
    [InlineData("...", "")]
    public void What_Windows_refuses_is_replaced_what_it_drops_is_dropped_and_a_device_is_marked(string name, string expected) =>
        Assert.Equal(expected, FileName.Adapt(name));

    [Theory]
    [InlineData("a|b", "here |")]
    [InlineData("a\u0007", "U+0007")]
    [InlineData("a\0", "U+0000")]
    [InlineData("photos.", "a dot at its end, which Windows drops")]
    [InlineData("LPT1.csv", "found 'LPT1.csv', which Windows takes for a device")]
    [InlineData("", "empty name")]
    public void A_problem_says_what_was_found(string name, string expected) =>
        Assert.Contains(expected, FileName.Problem(name), StringComparison.Ordinal);

    [Fact]   // no attribute can hold it
    public void Half_of_a_character_is_no_name() => Assert.Contains("a lone surrogate", FileName.Problem("\uD83D"), StringComparison.Ordinal);

    [Fact]
    public void A_long_name_is_cut_between_characters()
    {
        var adapted = FileName.Adapt(new string('\u732B', 100));   // three bytes each
        Assert.Equal(new string('\u732B', 66), adapted);
        Assert.Contains("300 bytes; expected at most 200", FileName.Problem(new string('\u732B', 100)), StringComparison.Ordinal);
    }

    /// <summary>By Microsoft's "Naming Files, Paths, and Namespaces", written down independently of the product.</summary>
    private static bool IsKeptByWindows(string name)
    {
        string[] devices =
        [
            "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$",
            .. "0123456789\u00B9\u00B2\u00B3".SelectMany(digit => (string[])[$"COM{digit}", $"LPT{digit}"]),
        ];
        var stem = name.Split('.')[0].TrimEnd(' ');
        return name.Length is > 0 and <= 255
            && name.All(c => c > 31 && !"<>:\"/\\|?*".Contains(c, StringComparison.Ordinal))
            && !name.EndsWith('.') && !name.EndsWith(' ')
            && !devices.Contains(stem, StringComparer.OrdinalIgnoreCase)
            && Encoding.UTF8.GetByteCount(name) <= 255
            && Encoding.Unicode.GetString(Encoding.Unicode.GetBytes(name)) == name;
    }
}
