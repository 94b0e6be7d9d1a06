namespace Airbench.Pipeline;

/// <summary>Puts the values of flags into the tree before it is bound, so that they pass the same checks as the file's.</summary>
internal static class Overrides
{
    public static readonly IReadOnlyList<string> Header = ["name", "seed", "device", "usd_per_hour", "tracking"];

    public static void Apply(MapNode root, PipelineOverride change, Problems problems)
    {
        var at = SourcePosition.Flag(Quote.OneLine(change.Label));
        if (change.Path.Length == 0)
        {
            problems.Add(at, "found no key=value; expected for example --set train.with.epochs=2");
            return;
        }
        if (YamlReader.ReadFlag(change.Value, at.Source, problems) is not { } value)
        {
            return;
        }

        var stages = (root.Find("stages")?.Value as MapNode)?.Entries ?? [];
        if (change.Uses is not null)
        {
            var targets = stages.Where(stage => Uses(stage) == change.Uses).ToList();
            if (targets.Count == 0)
            {
                problems.Add(at, $"no stage uses '{change.Uses}', whose {change.Path} it sets");
            }

            foreach (var target in targets)
            {
                Set((MapNode)target.Value, change.Path.Split('.'), value, at, target.Key, problems);
            }
        }
        else if (Header.Contains(change.Path))
        {
            root.Set(new MapEntry(at, change.Path, value));
        }
        else
        {
            SetInStage(stages, change.Path, value, at, problems);
        }
    }

    private static void SetInStage(IReadOnlyList<MapEntry> stages, string path, Node value, SourcePosition at, Problems problems)
    {
        const string Prefix = "stages.";
        var inside = path.StartsWith(Prefix, StringComparison.Ordinal) ? path[Prefix.Length..] : path;

        // Stage names may contain dots: the longest one that fits is meant.
        var stage = stages.Where(s => inside.StartsWith(s.Key + ".", StringComparison.Ordinal)).MaxBy(s => s.Key.Length);
        if (stage?.Value is MapNode map)
        {
            Set(map, inside[(stage.Key.Length + 1)..].Split('.'), value, at, stage.Key, problems);
            return;
        }
        var first = inside.Split('.')[0];
        var known = stages.Select(s => s.Key).ToList();
        var hint = Suggestion.For(first, [.. known, .. Header]);
        problems.Add(at, known.Contains(first)
            ? $"found the path {Quote.Show(path)}; expected for example {first}.with.<option>"
            : $"found {Quote.Show(first)}{hint}; expected {string.Join(", ", Header)} or a stage: {string.Join(", ", known)}");
    }

    private static string? Uses(MapEntry stage) => ((stage.Value as MapNode)?.Find("uses")?.Value as ScalarNode)?.Text;

    private static void Set(MapNode map, string[] path, Node value, SourcePosition at, string where, Problems problems)
    {
        foreach (var key in path[..^1])
        {
            var next = map.Find(key)?.Value;
            if (next is null or { IsNull: true })
            {
                next = new MapNode(at);
                map.Set(new MapEntry(at, key, next));
            }
            where = $"{where}.{key}";
            if (next is not MapNode inner)
            {
                problems.Add(at, $"{where} is {next.Found} at {next.At}; expected a mapping to set {Quote.Show(path[^1])} in");
                return;
            }
            map = inner;
        }
        map.Set(new MapEntry(at, path[^1], value));
    }
}
