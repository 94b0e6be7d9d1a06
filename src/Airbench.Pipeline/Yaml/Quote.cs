using System.Globalization;
using System.Text;

namespace Airbench.Pipeline;

/// <summary>Foreign text in messages: one line, no control characters, bounded.</summary>
internal static class Quote
{
    private const int Longest = 60;

    /// <summary><paramref name="text"/> in single quotes; control characters escaped, the rest of a long one cut.</summary>
    public static string Show(string text) => $"'{OneLine(text.Length > Longest ? text[..Longest] + "..." : text)}'";

    /// <summary><paramref name="text"/> without line breaks and control characters.</summary>
    public static string OneLine(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            _ = c switch
            {
                '\n' => result.Append("\\n"),
                '\r' => result.Append("\\r"),
                '\t' => result.Append("\\t"),
                _ when char.IsControl(c) || c is '\u2028' or '\u2029' => result.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}"),
                _ => result.Append(c),
            };
        }
        return result.ToString();
    }
}
