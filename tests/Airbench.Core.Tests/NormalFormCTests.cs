using CsCheck;

namespace Airbench.Tests;

public sealed class NormalFormCTests
{
    [Fact]
    public void The_framework_does_nothing_in_this_program_which_is_why_there_is_one_of_our_own() =>
        Assert.NotEqual("caf\u00E9", "cafe\u0301".Normalize());

    [Theory]
    [InlineData("cafe\u0301", "caf\u00E9")]
    [InlineData("caf\u00E9", "caf\u00E9")]
    [InlineData("plain", "plain")]
    [InlineData("\u1112\u1161\u11AB\u1100\u1173\u11AF", "\uD55C\uAE00")]              // Hangul from its letters
    [InlineData("q\u0307\u0323", "q\u0323\u0307")]                                    // marks in the order of their classes
    [InlineData("a\u0315\u0300\u05AE\u0300b", "\u00E0\u05AE\u0300\u0315b")]           // a mark that is reached past another
    [InlineData("\u212B", "\u00C5")]                                                  // Angstrom is a letter
    [InlineData("\u0958", "\u0915\u093C")]                                            // one that is never composed
    [InlineData("\u1E0A\u0323", "\u1E0C\u0307")]                                      // apart and together again
    [InlineData("\uF900", "\u8C48")]
    [InlineData("\U0001D15E", "\U0001D157\U0001D165")]                                // beyond 16 bits
    [InlineData("\U00011131\U00011127", "\U0001112E")]
    [InlineData("x\uD800\u0301", "x\uD800\u0301")]                                    // half a character stays half
    public void Names_come_in_form_c(string text, string expected)
    {
        Assert.Equal(expected, NormalFormC.Of(text));
        Assert.Equal(expected, NormalFormC.Of(expected));
    }

    [Fact]
    public void Every_character_and_many_strings_are_what_python_makes_of_them()
    {
        var python = Programs.Python("unicodedata");
        Assert.SkipWhen(python is null, "no Python here");
        var strings = new List<string>();
        for (var point = 0xA0; point <= 0x10FFFF; point++)
        {
            if (point is < 0xD800 or (> 0xDFFF and < 0x20000) or (>= 0x2F800 and < 0x2FB00))
            {
                strings.Add(char.ConvertFromUtf32(point));
            }
        }
        var marks = new[] { 'a', 'e', '\u0300', '\u0301', '\u0323', '\u0327', '\u05AE', '\u0345', '\u1100', '\u1161', '\u11A8', '\u0915', '\u093C', '\u3099', '\u304B' };
        strings.AddRange(Gen.Int[0, marks.Length - 1].Array[1, 8].Cases(2000).Select(picks => string.Concat(picks.Select(pick => marks[pick]))));
        using var folder = new TemporaryFolder();
        File.WriteAllLines(folder.File("in"), strings.Select(text => string.Join(' ', text.EnumerateRunes().Select(rune => rune.Value))));

        var run = Programs.Run(python!, "-c",
            $"import unicodedata as u\nassert u.unidata_version >= '14'\nfor line in open('{folder.File("in")}'):\n"
            + "  s = ''.join(chr(int(c)) for c in line.split())\n"
            + "  print('?' if any(u.category(c) == 'Cn' for c in s) else ' '.join(str(ord(c)) for c in u.normalize('NFC', s)))");

        Assert.SkipWhen(run.ExitCode != 0, "a Python with older tables than Unicode 14");
        var expected = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(strings.Count, expected.Length);
        foreach (var (text, points) in strings.Zip(expected).Where(pair => pair.Second != "?"))
        {
            Assert.Equal(points, string.Join(' ', NormalFormC.Of(text).EnumerateRunes().Select(rune => rune.Value)));
        }
    }
}
