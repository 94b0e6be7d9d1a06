namespace Airbench.Pipeline;

/// <summary>"Did you mean": the known word nearest to one that is not known.</summary>
public static class Suggestion
{
    /// <summary>" (did you mean 'x'?)" or nothing.</summary>
    public static string For(string word, IEnumerable<string> known) =>
        Nearest(word, known) is { } nearest ? $" (did you mean '{nearest}'?)" : "";

    /// <summary>The known word within two edits (one for short words); null where none is that near.</summary>
    public static string? Nearest(string word, IEnumerable<string> known)
    {
        if (word.Length > 64)
        {
            return null;
        }

        var normal = Normal(word);
        var limit = word.Length <= 3 ? 1 : 2;
        return known.Where(candidate => Math.Abs(candidate.Length - word.Length) <= limit)
            .Select(candidate => (candidate, distance: Distance(normal, Normal(candidate))))
            .Where(c => c.distance <= limit)
            .OrderBy(c => c.distance).ThenBy(c => c.candidate, StringComparer.Ordinal)
            .Select(c => c.candidate).FirstOrDefault();
    }

    private static string Normal(string word) => word.ToLowerInvariant().Replace('-', '_');

    /// <summary>Fewest insertions, deletions, replacements and swaps of neighbours between two words.</summary>
    private static int Distance(string a, string b)
    {
        var table = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            for (var j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    table[i, j] = i + j;
                    continue;
                }
                var replaced = table[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                table[i, j] = Math.Min(replaced, 1 + Math.Min(table[i - 1, j], table[i, j - 1]));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    table[i, j] = Math.Min(table[i, j], table[i - 2, j - 2] + 1);
                }
            }
        }
        return table[a.Length, b.Length];
    }
}
