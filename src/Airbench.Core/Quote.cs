using System.Globalization;
using System.Text;

namespace Airbench;

/// <summary>
/// Text from outside in messages: what a terminal would obey or nobody can see stands as an escape, so that names which look alike are told
/// apart and no name writes a line of its own.
/// </summary>
public static class Quote
{
    private const int Longest = 60;

    /// <summary><paramref name="text"/> in single quotes, on one line; the rest of a long one is cut.</summary>
    public static string Show(string text) => $"'{OneLine(Cut(text))}'";

    /// <summary><paramref name="text"/> on one line, nothing of it invisible.</summary>
    public static string OneLine(string text) => Escape(text, keepLines: false);

    /// <summary>The same for messages of several lines: their line feeds stay.</summary>
    public static string Lines(string text) => Escape(text, keepLines: true);

    private static string Escape(string text, bool keepLines)
    {
        if (!NeedsEscape(text, keepLines))
        {
            return text;
        }
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                result.Append(c).Append(text[++i]);
            }
            else if (keepLines && c == '\n')
            {
                result.Append(c);
            }
            else
            {
                _ = c switch
                {
                    '\n' => result.Append("\\n"),
                    '\r' => result.Append("\\r"),
                    '\t' => result.Append("\\t"),
                    _ when IsInvisible(c) => result.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}"),
                    _ => result.Append(c),
                };
            }
        }
        return result.ToString();
    }

    private static bool NeedsEscape(string text, bool keepLines)
    {
        foreach (var c in text)
        {
            if (IsInvisible(c) && !(keepLines && c == '\n'))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>
    /// Control characters, line separators, marks that turn the direction of writing or have no width, and halves of a character. The two
    /// joiners stay: Persian, Hindi and emoji are written with them.
    /// </summary>
    private static bool IsInvisible(char c) => c >= '\u0080' || c < ' '
        ? char.GetUnicodeCategory(c) is UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
            or UnicodeCategory.Surrogate || (char.GetUnicodeCategory(c) == UnicodeCategory.Format && c is not ('\u200C' or '\u200D'))
        : c == '\u007F';

    /// <summary>Never between the halves of a character.</summary>
    private static string Cut(string text) => text.Length <= Longest ? text
        : string.Concat(text.AsSpan(0, char.IsHighSurrogate(text[Longest - 1]) ? Longest - 1 : Longest), "...");
}
