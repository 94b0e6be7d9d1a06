using System.Globalization;
using System.Text;

namespace Airbench;

/// <summary>
/// Unicode's normalization form C, by which names that look alike are alike: "café" of five code points, as macOS stores it in archives, is
/// the one of four. <see cref="string.Normalize()"/> needs ICU and, in programs without it as ours, returns its argument as it is.
/// </summary>
/// <remarks>The Unicode Standard, version 14, sections 3.11 and 3.12; the data are in nfc.txt, see eng/nfc-data.py.</remarks>
public static class NormalFormC
{
    /// <summary>Below, every code point is its own form C, and none combines with the one before.</summary>
    private const char FirstCombining = '\u0300';

    private const int SyllableBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TailBase = 0x11A7;
    private const int Leads = 19, Vowels = 21, Tails = 28;

    private static readonly Lazy<Tables> Data = new(Tables.Load);

    /// <summary><paramref name="text"/> in form C; itself where it is so already. Lone surrogates stay as they are.</summary>
    public static string Of(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange(FirstCombining, '\uFFFF'))
        {
            return text;
        }
        var points = new List<int>(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            var isPair = i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]);
            Decompose(isPair ? char.ConvertToUtf32(text[i], text[i + 1]) : text[i], points);
            i += isPair ? 1 : 0;
        }
        Reorder(points);
        var composed = new StringBuilder(text.Length);
        foreach (var point in Compose(points))
        {
            if (point > char.MaxValue)
            {
                composed.Append(char.ConvertFromUtf32(point));
            }
            else
            {
                composed.Append((char)point);
            }
        }
        return composed.Equals(text) ? text : composed.ToString();
    }

    /// <summary>Whether two names are the same but for their form.</summary>
    public static bool AreSame(string a, string b) => string.Equals(Of(a), Of(b), StringComparison.Ordinal);

    private static void Decompose(int point, List<int> into)
    {
        var syllable = point - SyllableBase;
        if (syllable is >= 0 and < Leads * Vowels * Tails)
        {
            into.Add(LeadBase + (syllable / (Vowels * Tails)));
            into.Add(VowelBase + (syllable / Tails % Vowels));
            if (syllable % Tails > 0)
            {
                into.Add(TailBase + (syllable % Tails));
            }
        }
        else if (Data.Value.Decompositions.TryGetValue(point, out var parts))
        {
            Array.ForEach(parts, part => Decompose(part, into));
        }
        else
        {
            into.Add(point);
        }
    }

    /// <summary>Sorts the marks behind each letter by their class, and leaves those of one class in their order.</summary>
    private static void Reorder(List<int> points)
    {
        for (var i = 1; i < points.Count; i++)
        {
            var (point, own) = (points[i], ClassOf(points[i]));
            var at = i;
            for (; own > 0 && at > 0 && ClassOf(points[at - 1]) > own; at--)
            {
                points[at] = points[at - 1];
            }
            points[at] = point;
        }
    }

    private static List<int> Compose(List<int> points)
    {
        var result = new List<int>(points.Count);
        var (starter, lastClass) = (-1, 0);
        foreach (var point in points)
        {
            var own = ClassOf(point);
            // A mark reaches the letter unless one of its class or above stands between; a letter, only where it follows at once.
            var reaches = starter >= 0 && (starter == result.Count - 1 || (lastClass > 0 && lastClass < own));
            if (reaches && Pair(result[starter], point) is { } whole)
            {
                result[starter] = whole;
                continue;
            }
            result.Add(point);
            lastClass = own;
            if (own == 0)
            {
                starter = result.Count - 1;
            }
        }
        return result;
    }

    private static int? Pair(int first, int second)
    {
        if (first - LeadBase is >= 0 and < Leads and var lead && second - VowelBase is >= 0 and < Vowels and var vowel)
        {
            return SyllableBase + (((lead * Vowels) + vowel) * Tails);
        }
        if (first - SyllableBase is >= 0 and < Leads * Vowels * Tails and var syllable && syllable % Tails == 0 && second - TailBase is > 0 and < Tails and var tail)
        {
            return SyllableBase + syllable + tail;
        }
        return Data.Value.Compositions.TryGetValue((first, second), out var whole) ? whole : null;
    }

    private static int ClassOf(int point) => point < FirstCombining ? 0 : Data.Value.Classes.GetValueOrDefault(point);

    private sealed class Tables
    {
        public Dictionary<int, int> Classes { get; } = [];

        public Dictionary<int, int[]> Decompositions { get; } = [];

        public Dictionary<(int, int), int> Compositions { get; } = [];

        public static Tables Load()
        {
            var tables = new Tables();
            using var reader = new StreamReader(typeof(NormalFormC).Assembly.GetManifestResourceStream("nfc.txt")!);
            while (reader.ReadLine() is { } line)
            {
                if (line[0] != '#')
                {
                    tables.Add(line.Split(' ', 3));
                }
            }
            return tables;
        }

        private void Add(string[] fields)
        {
            var point = Hexadecimal(fields[0]);
            if (fields[1] != "0")
            {
                Classes.Add(point, int.Parse(fields[1], CultureInfo.InvariantCulture));
            }
            if (fields.Length == 3)
            {
                int[] parts = [.. fields[2][1..].Split(' ').Select(Hexadecimal)];
                Decompositions.Add(point, parts);
                if (fields[2][0] == '=')
                {
                    Compositions.Add((parts[0], parts[1]), point);
                }
            }
        }

        private static int Hexadecimal(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
