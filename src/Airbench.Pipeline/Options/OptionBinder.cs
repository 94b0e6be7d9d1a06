using System.Collections;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Airbench.Pipeline;

/// <summary>
/// Turns YAML nodes into typed values. What does not fit becomes a problem, and the fallback stands in so that the rest is still checked.
/// </summary>
internal sealed partial class OptionBinder(Problems problems)
{
    /// <summary>Is told of every value that came from the environment.</summary>
    public EnvironmentUse? Environment { get; init; }

    /// <summary>Takes texts as they were written, <c>${env:NAME}</c> and not the variable's value.</summary>
    public bool AsWritten { get; init; }

    // YAML 1.2 numbers without octal, hexadecimal and leading zeros, which readers of different YAML versions take differently.
    [GeneratedRegex(@"^[-+]?(0|[1-9][0-9]*)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Whole { get; }

    [GeneratedRegex(@"^[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Number { get; }

    [GeneratedRegex(@"^([-+]?\.?(inf|infinity)|\.?nan)\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex NotFinite { get; }

    /// <summary>The value of <paramref name="node"/>.</summary>
    /// <param name="node">What was written.</param>
    /// <param name="type">What it has to be.</param>
    /// <param name="path">What messages call it: "train.with.epochs".</param>
    /// <param name="fallback">Returned where it does not fit; for a group, also the values of keys that are absent.</param>
    public object? Bind(Node node, OptionType type, string path, object? fallback) => type switch
    {
        _ when node is ScalarNode { Problem: { } problem } => Report(node, $"{path}: {problem}", fallback),
        OptionalType optional => node.IsNull ? null : Bind(node, optional.Of, path, fallback),
        GroupType group => node is MapNode map ? BindGroup(map, group, path, fallback) : Wrong(node, type, path, fallback),
        // A single value stands for the list of it, where that cannot be mistaken.
        ListType { Item: TextType } list when node is ScalarNode { IsNull: false } => BindList([node], list, path),
        ListType list => node is ListNode { Items: var items } ? BindList(items, list, path) : Wrong(node, type, path, fallback),
        MapType of => node is MapNode map ? BindMap(map, of, path) : Wrong(node, type, path, fallback),
        _ => node is ScalarNode { IsNull: false } scalar && Scalar(scalar, type) is { } value
            ? Taken(scalar, type, path, value)
            : Wrong(node, type, path, fallback),
    };

    /// <summary>Reports a key that <paramref name="known"/> does not have.</summary>
    public void UnknownKey(MapEntry entry, string where, IReadOnlyCollection<string> known)
    {
        var list = known.Count > 0 ? $"known keys: {string.Join(", ", known)}" : "it has no keys";
        problems.Add(entry.At, $"{where}: unknown key {Quote.Show(entry.Key)}{Suggestion.For(entry.Key, known)}; {list}");
    }

    private object BindGroup(MapNode map, GroupType group, string path, object? defaults)
    {
        var keys = group.Fields.Select(f => f.Key).ToList();
        foreach (var entry in map.Entries.Where(e => !keys.Contains(e.Key)))
        {
            UnknownKey(entry, path, keys);
        }

        // A new record that takes absent keys from the defaults: those may be shared and are never written to.
        var result = Activator.CreateInstance(group.Clr)!;
        foreach (var field in group.Fields)
        {
            var standing = field.Get(defaults ?? result);
            var value = map.Find(field.Key) is { } entry ? Bind(entry.Value, field.Type, $"{path}.{field.Key}", standing) : standing;
            field.Set(result, value);
        }
        return result;
    }

    private Array BindList(IReadOnlyList<Node> items, ListType type, string path)
    {
        var result = Array.CreateInstance(type.Item.Clr, items.Count);
        for (var i = 0; i < items.Count; i++)
        {
            if (Bind(items[i], type.Item, FormattableString.Invariant($"{path}[{i}]"), fallback: null) is { } value)
            {
                result.SetValue(value, i);
            }
        }
        return result;
    }

    private IDictionary BindMap(MapNode map, MapType type, string path)
    {
        var result = (IDictionary)Activator.CreateInstance(type.Clr)!;
        foreach (var entry in map.Entries)
        {
            if (Bind(entry.Value, type.Item, $"{path}.{Quote.OneLine(entry.Key)}", fallback: null) is { } value)
            {
                result.Add(entry.Key, value);
            }
        }
        return result;
    }

    private object Taken(ScalarNode scalar, OptionType type, string path, object value)
    {
        if (scalar.Written is not { } written)
        {
            return value;
        }

        Environment?.Add(path, written, isText: type is TextType);
        return AsWritten && type is TextType ? written.Text : value;
    }

    private static object? Scalar(ScalarNode node, OptionType type) => type switch
    {
        TextType => node.Text,
        ChoiceType choice => choice.Value(node.Text),
        _ when !node.Plain => null,   // "3" is a text, not a number
        FlagType => node.Text switch { "true" or "on" => true, "false" or "off" => false, _ => null },
        WholeType or NumberType => Numeric(node.Text, type),
        _ => null,
    };

    private static object? Numeric(string text, OptionType type)
    {
        if (type is WholeType)
        {
            if (!Whole.IsMatch(text) || !long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
            {
                return null;
            }

            if (type.Clr == typeof(long))
            {
                return whole;
            }

            return whole is >= int.MinValue and <= int.MaxValue ? (int)whole : null;
        }
        if (!Number.IsMatch(text))
        {
            return null;
        }

        var number = double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        return double.IsFinite(number) ? number : null;
    }

    private object? Wrong(Node node, OptionType type, string path, object? fallback)
    {
        var expected = (type, node) switch
        {
            (WholeType, ScalarNode { Plain: true, Text: var text }) when Whole.IsMatch(text) => type.Clr == typeof(long)
                ? $"a whole number from {long.MinValue} to {long.MaxValue}"
                : $"a whole number from {int.MinValue} to {int.MaxValue}",
            (NumberType, ScalarNode { Plain: true, Text: var text }) when Number.IsMatch(text) || NotFinite.IsMatch(text) =>
                "a finite number",
            (WholeType or NumberType or FlagType, ScalarNode { Plain: false }) => $"{type.Expected}, without quotes",
            _ => type.Expected,
        };
        var hint = type is ChoiceType choice && node is ScalarNode scalar ? Suggestion.For(scalar.Text, choice.Names) : "";
        return Report(node, $"{path}: found {node.Found}{hint}; expected {expected}", fallback);
    }

    private object? Report(Node node, string problem, object? fallback)
    {
        problems.Add(node.At, problem);
        return fallback;
    }
}
