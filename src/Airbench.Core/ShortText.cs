using System.Globalization;
using System.Text;

namespace Airbench;

/// <summary>Text cut to the room that a label has, by what is seen: characters of East Asian scripts and emoji are two columns wide.</summary>
public static class ShortText
{
    /// <summary><paramref name="text"/>, or as much of its beginning as fits into <paramref name="columns"/> with "…" behind.</summary>
    /// <param name="text">Anything; a character is never cut into its parts.</param>
    /// <param name="columns">Width in narrow letters, at least 1.</param>
    public static string Fit(string text, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        var (width, kept) = (0, 0);
        var characters = StringInfo.GetTextElementEnumerator(text);
        while (characters.MoveNext())
        {
            width += Columns(characters.GetTextElement());
            if (width > columns)
            {
                return text[..kept] + "…";
            }
            if (width < columns)
            {
                kept = characters.ElementIndex + characters.GetTextElement().Length;   // leaves a column for the dots
            }
        }
        return text;
    }

    /// <summary>The ranges of Unicode's East Asian Width W and F that hold whole scripts, and emoji.</summary>
    private static int Columns(string character) =>
        Rune.TryGetRuneAt(character, 0, out var rune) && rune.Value is (>= 0x1100 and <= 0x115F) or (>= 0x2E80 and <= 0xA4CF) or (>= 0xAC00 and <= 0xD7A3)
            or (>= 0xF900 and <= 0xFAFF) or (>= 0xFE30 and <= 0xFE6F) or (>= 0xFF00 and <= 0xFF60) or (>= 0x1F300 and <= 0x1FAFF) or (>= 0x20000 and <= 0x3FFFD)
            ? 2 : 1;
}
