using System.Text.Json;

namespace Airbench.Report;

/// <summary>
/// The lines of a <c>pipeline.resolved.yaml</c> as key and value: "stages.train.with.epochs" -> "9.9". That file is written by us, a
/// key a line and two spaces a level, so that no more of YAML is needed.
/// </summary>
internal static class ResolvedOptions
{
    /// <summary>Keys in the order of the file.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> Of(string yaml)
    {
        var options = new List<KeyValuePair<string, string>>();
        var path = new List<string>();
        foreach (var line in yaml.Split('\n'))
        {
            var text = line.TrimStart(' ');
            var colon = KeyEnd(text);
            if (text.Length == 0 || text[0] == '#' || colon < 0)
            {
                continue;
            }
            var level = (line.Length - text.Length) / 2;
            path.RemoveRange(Math.Min(level, path.Count), path.Count - Math.Min(level, path.Count));
            path.Add(text[..colon].Trim('"'));
            if (text[(colon + 1)..].Trim() is { Length: > 0 } value)
            {
                options.Add(new(string.Join('.', path), value));
            }
        }
        return options;
    }

    /// <summary>The text of an option; null where there is none.</summary>
    public static string? Text(IReadOnlyList<KeyValuePair<string, string>> options, string key)
    {
        var value = options.FirstOrDefault(option => option.Key == key).Value;
        return value is null or "null" ? null
            : value.StartsWith('"') ? JsonSerializer.Deserialize<string>(value)   // the quotes that we write are those of JSON
            : value;
    }

    /// <summary>The colon behind a key, which may be quoted.</summary>
    private static int KeyEnd(string text)
    {
        var from = 0;
        if (text.StartsWith('"'))
        {
            for (from = 1; from < text.Length && text[from] != '"'; from++)
            {
                from += text[from] == '\\' ? 1 : 0;
            }
        }
        return from < text.Length ? text.IndexOf(':', from) : -1;
    }
}
