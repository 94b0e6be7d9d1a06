namespace Airbench.Pipeline;

/// <summary>
/// Options given as texts, one flag each, with the errors of a file. Scalars are taken as they are (no YAML quoting in a shell);
/// lists are <c>a,b</c> or <c>[a, b]</c>; mappings and groups are <c>{ k: v }</c>; an empty text or <c>null</c> unsets a nullable
/// option that is not a text.
/// </summary>
public static class OptionText
{
    /// <summary>The flag of an option: <c>--image-size</c> for image_size.</summary>
    public static string Flag(string key) => $"--{key.Replace('_', '-')}";

    /// <summary>Binds <paramref name="values"/> (by option key) to the options of <paramref name="kind"/> and checks them.</summary>
    /// <returns>An instance of <see cref="IStage.OptionsType"/>.</returns>
    /// <exception cref="ConfigurationException">Anything is wrong; the message has all problems, one a line.</exception>
    public static object Bind(IStage kind, IReadOnlyDictionary<string, string> values)
    {
        var problems = new Problems();
        var options = Bind(kind, values, problems);
        problems.ThrowIfAny();
        return options!;
    }

    /// <summary>Binds <paramref name="values"/> (by option key) to a record that belongs to no stage; messages begin with <paramref name="name"/>.</summary>
    /// <exception cref="ConfigurationException">Anything is wrong; the message has all problems, one a line.</exception>
    public static TOptions Bind<TOptions>(string name, IReadOnlyDictionary<string, string> values, Func<TOptions, IEnumerable<string>> check)
        where TOptions : class, new()
    {
        var problems = new Problems();
        var fields = OptionFields.Of(typeof(TOptions));
        var tree = Tree(values, fields.ToDictionary(f => f.Key, f => f.Type), problems);
        var options = new OptionBinder(problems).Bind(tree, new GroupType(typeof(TOptions), fields), name, fallback: null) as TOptions;
        problems.ThrowIfAny();
        foreach (var problem in check(options!))
        {
            problems.Add(SourcePosition.Flag(name), problem);
        }

        problems.ThrowIfAny();
        return options!;
    }

    internal static object? Bind(IStage kind, IReadOnlyDictionary<string, string> values, Problems problems)
    {
        var fields = OptionFields.Of(kind.OptionsType);
        var tree = Tree(values, fields.ToDictionary(f => f.Key, f => f.Type), problems);
        return new StageReader([kind], new OptionBinder(problems), problems).Bind(tree, kind, fields, kind.Uses);
    }

    internal static MapNode Tree(
        IReadOnlyDictionary<string, string> values, IReadOnlyDictionary<string, OptionType> types, Problems problems)
    {
        var map = new MapNode(SourcePosition.Flag("command line"));
        foreach (var (key, text) in values)
        {
            var label = text.Length == 0 ? Flag(key) : $"{Flag(key)} {Quote.OneLine(text)}";
            if (Node(text, types.GetValueOrDefault(key), label, problems) is { } node)
            {
                map.Set(new MapEntry(SourcePosition.Flag(label), key, node));
            }
        }
        return map;
    }

    private static Node? Node(string text, OptionType? type, string label, Problems problems) => type switch
    {
        OptionalType optional => Node(text, optional.Of, label, problems),
        TextType => new ScalarNode(SourcePosition.Flag(label), text, plain: false),
        ListType list when !text.TrimStart().StartsWith('[') => List(text, list, label, problems),
        ListType or MapType or GroupType => YamlReader.ReadFlag(text, label, problems),
        _ => new ScalarNode(SourcePosition.Flag(label), text, plain: true),
    };

    private static ListNode List(string text, ListType list, string label, Problems problems)
    {
        var items = text.Split(',', StringSplitOptions.TrimEntries).Select(item => Node(item, list.Item, label, problems));
        return new(SourcePosition.Flag(label), [.. items.OfType<Node>()]);
    }
}
