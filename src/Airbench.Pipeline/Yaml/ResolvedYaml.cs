using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Airbench.Pipeline;

/// <summary>Writes a pipeline with every option spelled out, so that a later change of a default cannot change what it does.</summary>
public static partial class ResolvedYaml
{
    // Words that stay what they are in every YAML version and in flow style; everything else gets quotes.
    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9_./-]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex Word { get; }

    [GeneratedRegex(@"^(true|false|yes|no|on|off|y|n|null)\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Ambiguous { get; }

    /// <summary>The pipeline as YAML, which <see cref="PipelineFile.Load"/> reads back to an equal definition.</summary>
    public static string Write(PipelineDefinition pipeline)
    {
        var (text, written) = (new StringBuilder(), pipeline.Environment.Written);
        text.Append(CultureInfo.InvariantCulture, $"# Written by {Product.Name} {Product.Version}: every option, defaults included.\n");
        text.Append(CultureInfo.InvariantCulture, $"name: {Text(pipeline.Name)}\n");
        text.Append(CultureInfo.InvariantCulture, $"seed: {Flow(new WholeType(typeof(int)), pipeline.Seed, "seed", written)}\n");
        text.Append(CultureInfo.InvariantCulture, $"device: {(written.TryGetValue("device", out var device) ? Text(device) : pipeline.Device)}\n");
        text.Append(CultureInfo.InvariantCulture, $"usd_per_hour: {Flow(new NumberType(), pipeline.UsdPerHour, "usd_per_hour", written)}\n");
        text.Append(CultureInfo.InvariantCulture, $"tracking: {Flow(PipelineFile.TrackingType, pipeline.Tracking, "tracking", written)}\n");
        if (pipeline.Environment.Declared.Count > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"env: [{string.Join(", ", pipeline.Environment.Declared.Select(Text))}]\n");
        }

        text.Append("stages:\n");
        foreach (var stage in pipeline.Stages)
        {
            foreach (var given in stage.Given)
            {
                text.Append("  # given: the ").Append(given.GetType().Name).Append(" in ").Append(Quote.OneLine(given.Folder)).Append('\n');
            }

            text.Append(CultureInfo.InvariantCulture, $"  {Text(stage.Key)}:\n    uses: {Text(stage.Kind.Uses)}\n");
            text.Append(CultureInfo.InvariantCulture, $"    needs: [{string.Join(", ", stage.Needs.Select(Text))}]\n    with:");
            var fields = OptionFields.Of(stage.Kind.OptionsType);
            Group(text, fields, stage.Options, new Place($"{stage.Key}.with", Indent: 6), written);
        }
        return text.ToString();
    }

    /// <summary>A value on one line: <c>3</c>, <c>mirror</c>, <c>[a, b]</c>, <c>{ k: 1 }</c>.</summary>
    internal static string Flow(OptionType type, object? value) => Flow(type, value, "", PipelineEnvironment.None.Written);

    /// <summary>The same, with what was written where a value came from the environment.</summary>
    private static string Flow(OptionType type, object? value, string path, IReadOnlyDictionary<string, string> written) => (type, value) switch
    {
        _ when written.TryGetValue(path, out var text) => Text(text),
        (_, null) => "null",
        (OptionalType optional, _) => Flow(optional.Of, value, path, written),
        (TextType, string text) => Value(text),
        (ChoiceType, _) => Text(ChoiceType.NameOf(value)),
        (FlagType, bool flag) => flag ? "true" : "false",
        (NumberType, double number) => number.ToString("R", CultureInfo.InvariantCulture),
        (WholeType, IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture),
        (ListType list, IEnumerable items) => $"[{string.Join(", ", items.Cast<object?>().Select((item, i) =>
            Flow(list.Item, item, FormattableString.Invariant($"{path}[{i}]"), written)))}]",
        (MapType map, IEnumerable) => Braces(Pairs(value).Select(pair =>
            $"{Text(pair.Key)}: {Flow(map.Item, pair.Value, $"{path}.{Quote.OneLine(pair.Key)}", written)}")),
        (GroupType group, _) => Braces(group.Fields.Select(field =>
            $"{field.Key}: {Flow(field.Type, field.Get(value), $"{path}.{field.Key}", written)}")),
        _ => throw new ArgumentException($"{value.GetType().Name} where {type.Expected} was declared"),
    };

    /// <summary>The entries of a dictionary with text keys, whatever the type of its values.</summary>
    internal static IEnumerable<KeyValuePair<string, object?>> Pairs(object dictionary)
    {
        foreach (DictionaryEntry entry in (IDictionary)dictionary)
        {
            yield return new((string)entry.Key, entry.Value);
        }
    }

    /// <summary>Where a group of options stands: its path, and the spaces before its keys.</summary>
    private readonly record struct Place(string Path, int Indent)
    {
        public Place Below(string key) => new($"{Path}.{key}", Indent + 2);
    }

    private static void Group(
        StringBuilder text, IReadOnlyList<OptionField> fields, object options, Place place, IReadOnlyDictionary<string, string> written)
    {
        text.Append(fields.Count == 0 ? " {}\n" : "\n");
        foreach (var field in fields)
        {
            var value = field.Get(options);
            var type = field.Type is OptionalType optional ? optional.Of : field.Type;
            var below = place.Below(field.Key);
            text.Append(' ', place.Indent).Append(field.Key).Append(':');
            if (type is GroupType group && value is not null)
            {
                Group(text, group.Fields, value, below, written);
            }
            else
            {
                text.Append(' ').Append(Flow(field.Type, value, below.Path, written)).Append('\n');
            }
        }
    }

    private static string Braces(IEnumerable<string> pairs) => string.Join(", ", pairs) is { Length: > 0 } inner ? $"{{ {inner} }}" : "{}";

    /// <summary>A text as the value of an option, in quotes where it needs some.</summary>
    public static string Value(string text) => Text(EnvironmentReferences.Escape(text));

    /// <summary>A text as YAML: plain where every parser takes it for a text, else in quotes.</summary>
    internal static string Text(string text)
    {
        if (Word.IsMatch(text) && !Ambiguous.IsMatch(text))
        {
            return text;
        }

        var quoted = new StringBuilder("\"");
        foreach (var c in text)
        {
            // Printable ASCII and letters as they are; surrogate pairs too, which YAML's \u cannot spell.
            if (c is '"' or '\\')
            {
                quoted.Append('\\').Append(c);
            }
            else if (c is >= ' ' and <= '~' || char.IsLetterOrDigit(c) || char.IsSurrogate(c))
            {
                quoted.Append(c);
            }
            else
            {
                quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");
            }
        }
        return quoted.Append('"').ToString();
    }
}
