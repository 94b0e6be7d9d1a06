namespace Airbench.Pipeline;

/// <summary>Reads one entry of <c>stages</c>.</summary>
internal sealed class StageReader(IReadOnlyList<IStage> kinds, OptionBinder binder, Problems problems)
{
    private static readonly IReadOnlyList<string> Keys = ["uses", "needs", "with"];
    private static readonly ListType NeedsType = new(new TextType());

    public StageDraft Read(MapEntry entry)
    {
        var key = entry.Key;
        if (Names.Problem(key) is { } problem)
        {
            problems.Add(entry.At, $"stage name: {problem}");
        }

        var draft = new StageDraft { Key = key, At = entry.At, NeedsAt = entry.At };
        if (entry.Value is not MapNode map)
        {
            var who = $"stage {Quote.Show(key)}";
            problems.Add(entry.Value.At, $"{who}: found {entry.Value.Found}; expected a mapping with uses, needs and with");
            return draft;
        }
        var kind = ReadUses(map, key, entry.At);
        var fields = kind is null ? [] : OptionFields.Of(kind.OptionsType);
        ReportUnknownKeys(map, key, fields);
        draft = draft with { Kind = kind, Needs = ReadNeeds(map, key), NeedsAt = map.Find("needs")?.At ?? entry.At };
        if (kind is null)
        {
            return draft;
        }

        var with = map.Find("with") is { Value.IsNull: false } given ? given.Value : new MapNode(entry.At);
        var options = Bind(with, kind, fields, $"{key}.with");
        var asWritten = options is null || binder.Environment is not { HasAny: true } ? null : AsWritten(with, kind, fields);
        return draft with { Options = options, OptionsAsWritten = asWritten };
    }

    private IStage? ReadUses(MapNode map, string key, SourcePosition at)
    {
        var expected = $"one of {string.Join(", ", kinds.Select(k => k.Uses))}";
        if (map.Find("uses") is not { } uses)
        {
            problems.Add(at, $"stage {Quote.Show(key)} has no 'uses'; expected {expected}");
            return null;
        }
        var kind = uses.Value is ScalarNode { IsNull: false } scalar ? kinds.FirstOrDefault(k => k.Uses == scalar.Text) : null;
        if (kind is null)
        {
            var hint = uses.Value is ScalarNode text ? Suggestion.For(text.Text, kinds.Select(k => k.Uses)) : "";
            problems.Add(uses.Value.At, $"{key}.uses: found {uses.Value.Found}{hint}; expected {expected}");
        }
        return kind;
    }

    private List<(string Key, SourcePosition At)> ReadNeeds(MapNode map, string key)
    {
        if (map.Find("needs") is not { Value.IsNull: false } needs)
        {
            return [];
        }

        var before = problems.Count;
        var names = (string[]?)binder.Bind(needs.Value, NeedsType, $"{key}.needs", Array.Empty<string>());
        var items = needs.Value is ListNode list ? list.Items : [needs.Value];   // a single name stands for the list of it
        return problems.Count == before ? [.. names!.Zip(items, (name, item) => (name, item.At))] : [];
    }

    /// <summary>The options that were bound without a problem, once more with their texts as they were written.</summary>
    private object? AsWritten(Node with, IStage kind, IReadOnlyList<OptionField> fields) =>
        new OptionBinder(problems) { AsWritten = true }.Bind(with, new GroupType(kind.OptionsType, fields), "with", fallback: null);

    /// <summary>Binds and checks options; null where they have problems.</summary>
    public object? Bind(Node with, IStage kind, IReadOnlyList<OptionField> fields, string path)
    {
        var before = problems.Count;
        var options = binder.Bind(with, new GroupType(kind.OptionsType, fields), path, fallback: null);
        if (problems.Count > before)
        {
            return null;   // a rule about values would speak of values that nobody wrote
        }

        foreach (var problem in kind.Check(options!).Select(problem => binder.Environment?.Hide(problem) ?? problem))
        {
            problems.Add(PositionOf(problem, with), $"{path}.{Quote.OneLine(problem)}");
        }

        return problems.Count == before ? options : null;
    }

    /// <summary>
    /// Where the key stands that a problem starts with ("epochs: found 0; ..." or "gates.accuracy_min: ..."), as deep as it was written.
    /// </summary>
    private static SourcePosition PositionOf(string problem, Node with)
    {
        var (at, node) = (with.At, with);
        foreach (var key in problem.Split(':')[0].Split('.'))
        {
            if ((node as MapNode)?.Find(key) is not { } entry)
            {
                break;
            }

            (at, node) = (entry.At, entry.Value);
        }
        return at;
    }

    private void ReportUnknownKeys(MapNode map, string key, IReadOnlyList<OptionField> fields)
    {
        foreach (var entry in map.Entries.Where(e => !Keys.Contains(e.Key)))
        {
            if (fields.Any(f => f.Key == entry.Key))
            {
                problems.Add(entry.At, $"{key}: found the option '{entry.Key}' beside 'with'; expected it inside: {key}.with.{entry.Key}");
            }
            else
            {
                binder.UnknownKey(entry, key, Keys);
            }
        }
    }
}
