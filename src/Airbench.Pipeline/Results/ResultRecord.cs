using System.Globalization;
using System.Text;

namespace Airbench.Pipeline;

/// <summary>What a stage made, from what, and what it reported.</summary>
internal sealed record ResultRecord
{
    public required Facts From { get; init; }

    /// <summary>SHA-256 of each file of its artifact, by its path inside of the folder, with '/'.</summary>
    public required IReadOnlyDictionary<string, string> Outputs { get; init; }

    public required string Summary { get; init; }
    public double? WorkSeconds { get; init; }
    public long? Items { get; init; }
    public string Device { get; init; } = "cpu";
    public double? AccuracyPlain { get; init; }
    public double? AccuracyTta { get; init; }

    /// <summary>Name of every result with these facts.</summary>
    public string Key => From.Key;

    /// <summary>The record of what <paramref name="result"/> tells.</summary>
    public static ResultRecord Of(Facts from, IReadOnlyDictionary<string, string> outputs, StageResult result) => new()
    {
        From = from,
        Outputs = outputs,
        Summary = result.Summary,
        WorkSeconds = result.WorkSeconds,
        Items = result.Items,
        Device = result.Device,
        AccuracyPlain = result.AccuracyPlain,
        AccuracyTta = result.AccuracyTta,
    };

    /// <summary>What the stage reported, with its artifact where it is now.</summary>
    public StageResult Result(Artifact artifact) => new(artifact, Summary)
    {
        WorkSeconds = WorkSeconds,
        Items = Items,
        Device = Device,
        AccuracyPlain = AccuracyPlain,
        AccuracyTta = AccuracyTta,
    };

    /// <summary>As the YAML mapping <paramref name="name"/>.</summary>
    public string Write(string name)
    {
        var text = new StringBuilder();
        text.Append(RecordFile.Text(name)).Append(":\n  key: ").Append(Key).Append("\n  from:\n").Append(From.Write(indent: 4));
        text.Append("  outputs:\n");
        foreach (var (file, hash) in Outputs.OrderBy(output => output.Key, StringComparer.Ordinal))
        {
            text.Append("    ").Append(RecordFile.Text(file)).Append(": ").Append(hash).Append('\n');
        }

        text.Append("  result:\n    summary: ").Append(RecordFile.Text(Summary)).Append('\n');
        Append("work_seconds", WorkSeconds?.ToString("R", CultureInfo.InvariantCulture));
        Append("items", Items?.ToString(CultureInfo.InvariantCulture));
        Append("device", Device);
        Append("accuracy_plain", AccuracyPlain?.ToString("R", CultureInfo.InvariantCulture));
        Append("accuracy_tta", AccuracyTta?.ToString("R", CultureInfo.InvariantCulture));
        return text.ToString();

        void Append(string key, string? value)
        {
            if (value is not null)
            {
                text.Append("    ").Append(key).Append(": ").Append(RecordFile.Text(value)).Append('\n');
            }
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="FormatException">It is not that, or was changed since; the message says what is wrong.</exception>
    public static ResultRecord Read(MapNode map)
    {
        var from = Map(map, "from");
        var facts = new Facts(from.Entries.SelectMany(section => Facts.Sections.Contains(section.Key)
            ? Texts(section).Select(fact => new Fact(section.Key, fact.Key, fact.Value))
            : throw new FormatException($"{section.At}: found '{section.Key}'; expected one of {string.Join(", ", Facts.Sections)}")));
        if (Text(map, "key") != facts.Key)
        {
            throw new FormatException($"{map.At}: the key does not match what is under 'from': edited by hand");
        }

        var outputs = Texts(map.Find("outputs") ?? throw Missing(map, "outputs"));
        foreach (var name in outputs.Keys.Where(
            name => name.Length == 0 || Path.IsPathRooted(name) || name.Contains('\0', StringComparison.Ordinal) || name.Split('/', '\\').Contains("..")))
        {
            throw new FormatException($"{map.At}: found the output {Quote.Show(name)}; expected a path inside of the artifact");
        }

        var result = Map(map, "result");
        return new()
        {
            From = facts,
            Outputs = outputs,
            Summary = Text(result, "summary") ?? throw Missing(result, "summary"),
            WorkSeconds = Number(result, "work_seconds", double.MaxValue),
            Items = (long?)Number(result, "items", 1L << 53),
            Device = Text(result, "device") ?? throw Missing(result, "device"),
            AccuracyPlain = Number(result, "accuracy_plain", 1),
            AccuracyTta = Number(result, "accuracy_tta", 1),
        };
    }

    private static MapNode Map(MapNode map, string key) => map.Find(key)?.Value as MapNode ?? throw Missing(map, key);

    private static string? Text(MapNode map, string key) => (map.Find(key)?.Value as ScalarNode)?.Text;

    private static double? Number(MapNode map, string key, double most) => Text(map, key) is not { } text ? null
        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number >= 0 && number <= most ? number
        : throw new FormatException(FormattableString.Invariant($"{map.At}: {key}: found {Quote.Show(text)}; expected a number from 0 to {most}"));

    private static Dictionary<string, string> Texts(MapEntry entry) => entry.Value is MapNode map
        ? map.Entries.ToDictionary(
            item => item.Key,
            item => (item.Value as ScalarNode)?.Text ?? throw new FormatException($"{item.At}: found {item.Value.Found}; expected a text"),
            StringComparer.Ordinal)
        : entry.Value.IsNull ? []
        : throw new FormatException($"{entry.At}: found {entry.Value.Found}; expected a mapping");

    private static FormatException Missing(MapNode map, string key) => new($"{map.At}: '{key}' is missing");
}
