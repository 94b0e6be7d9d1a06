using System.Text;
using System.Text.RegularExpressions;

namespace Airbench;

/// <summary>Names of folders that mean the same on Linux, macOS and Windows.</summary>
/// <remarks>
/// Windows is the strictest: it refuses some characters, drops dots and spaces at the end, and opens a device under some names. Names that
/// differ in case only are one folder there and on macOS: who keeps several apart compares them without case.
/// </remarks>
public static partial class FileName
{
    /// <summary>
    /// Bytes in UTF-8. File systems take 255; a folder is written under a longer name first, and moved to its own when it is whole.
    /// </summary>
    public const int Longest = 200;

    private const string Refused = "<>:\"/\\|?*";

    /// <summary>Why <paramref name="name"/> is no name on every system, as "found; expected", or null where it is one.</summary>
    public static string? Problem(string name)
    {
        var bytes = Encoding.UTF8.GetByteCount(name);
        return name.Length == 0 ? "found an empty name; expected the name of a folder"
            : name.Any(char.IsControl) ? $"found a name with the control character U+{(int)name.First(char.IsControl):X4}; expected none"
            : name.FirstOrDefault(IsRefused) is not '\0' and var refused ? $"found '{name}'; expected a name without any of {Refused}, here {refused}"
            : Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(name)) != name ? "found half of a character (a lone surrogate); expected text"
            : name[0] == '.' ? $"found '{name}'; expected a name without a dot in front, which hides a folder"
            : name != name.Trim() || name[^1] == '.' ? $"found '{name}'; expected a name without space around it or a dot at its end, which Windows drops"
            : Device.IsMatch(name) ? $"found '{name}', which Windows takes for a device; expected another name"
            : bytes > Longest ? $"found a name of {bytes} bytes; expected at most {Longest}"
            : null;
    }

    /// <summary>
    /// The nearest name without a <see cref="Problem"/>, which is often the name itself: "a:b?" is "a_b_", "photos." is "photos" and "aux" is
    /// "_aux". Empty where nothing is left.
    /// </summary>
    public static string Adapt(string name)
    {
        if (Problem(name) is null)
        {
            return name;
        }
        var kept = new StringBuilder();
        var bytes = 1;   // for the mark before the name of a device
        foreach (var rune in name.EnumerateRunes().SkipWhile(IsDropped))   // half of a character comes as U+FFFD
        {
            bytes += rune.Utf8SequenceLength;
            if (bytes > Longest)
            {
                break;
            }
            kept.Append(rune.IsBmp && IsRefused((char)rune.Value) ? "_" : rune.ToString());
        }
        var text = kept.ToString();
        text = text[..(text.Length - text.EnumerateRunes().Reverse().TakeWhile(IsDropped).Count())];   // these are of one char each
        return Device.IsMatch(text) ? $"_{text}" : text;
    }

    private static bool IsRefused(char c) => char.IsControl(c) || Refused.Contains(c, StringComparison.Ordinal);

    private static bool IsDropped(Rune rune) => rune.Value == '.' || Rune.IsWhiteSpace(rune);

    // With any extension, and with spaces before it.
    [GeneratedRegex(@"^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00B9\u00B2\u00B3]) *(\.|\z)", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex Device { get; }
}
