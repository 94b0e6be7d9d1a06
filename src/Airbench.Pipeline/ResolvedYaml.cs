using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Airbench.Pipeline.Internal;

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
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# Written by {Product.Name} {Product.Version}: every option, defaults included.\n");
        text.Append(CultureInfo.InvariantCulture, $"name: {Text(pipeline.Name)}\nseed: {pipeline.Seed}\ndevice: {pipeline.Device}\n");
        text.Append("usd_per_hour: ").Append(pipeline.UsdPerHour is { } price ? Flow(new NumberType(), price) : "null").Append('\n');
        text.Append("stages:\n");
        foreach (var stage in pipeline.Stages)
        {
            foreach (var given in stage.Given)
                text.Append("  # given: the ").Append(given.GetType().Name).Append(" in ").Append(Quote.OneLine(given.Folder)).Append('\n');
            text.Append(CultureInfo.InvariantCulture, $"  {Text(stage.Key)}:\n    uses: {Text(stage.Kind.Uses)}\n");
            text.Append(CultureInfo.InvariantCulture, $"    needs: [{string.Join(", ", stage.Needs.Select(Text))}]\n");
            Group(text, "with", OptionFields.Of(stage.Kind.OptionsType), stage.Options, indent: 4);
        }
        return text.ToString();
    }

    /// <summary>A value on one line: <c>3</c>, <c>mirror</c>, <c>[a, b]</c>, <c>{ k: 1 }</c>.</summary>
    internal static string Flow(OptionType type, object? value) => (type, value) switch
    {
        (_, null) => "null",
        (OptionalType optional, _) => Flow(optional.Of, value),
        (TextType, string text) => Text(text),
        (ChoiceType, _) => Text(ChoiceType.NameOf(value)),
        (FlagType, bool flag) => flag ? "true" : "false",
        (NumberType, double number) => number.ToString("R", CultureInfo.InvariantCulture),
        (WholeType, IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture),
        (ListType list, IEnumerable items) => $"[{string.Join(", ", items.Cast<object?>().Select(item => Flow(list.Item, item)))}]",
        (MapType map, IEnumerable) => Braces(Pairs(value).Select(pair => $"{Text(pair.Key)}: {Flow(map.Item, pair.Value)}")),
        (GroupType group, _) => Braces(group.Fields.Select(field => $"{field.Key}: {Flow(field.Type, field.Property.GetValue(value))}")),
        _ => throw new ArgumentException($"{value.GetType().Name} where {type.Expected} was declared"),
    };

    /// <summary>The entries of a dictionary with text keys, whatever the type of its values.</summary>
    internal static IEnumerable<KeyValuePair<string, object?>> Pairs(object dictionary)
    {
        foreach (DictionaryEntry entry in (IDictionary)dictionary)
            yield return new((string)entry.Key, entry.Value);
    }

    private static void Group(StringBuilder text, string key, IReadOnlyList<OptionField> fields, object options, int indent)
    {
        var margin = new string(' ', indent);
        text.Append(margin).Append(key).Append(fields.Count == 0 ? ": {}\n" : ":\n");
        foreach (var field in fields)
        {
            var value = field.Property.GetValue(options);
            var type = field.Type is OptionalType optional ? optional.Of : field.Type;
            if (type is GroupType group && value is not null)
                Group(text, field.Key, group.Fields, value, indent + 2);
            else
                text.Append(margin).Append("  ").Append(field.Key).Append(": ").Append(Flow(field.Type, value)).Append('\n');
        }
    }

    private static string Braces(IEnumerable<string> pairs) => string.Join(", ", pairs) is { Length: > 0 } inner ? $"{{ {inner} }}" : "{}";

    /// <summary>A text as YAML: plain where every parser takes it for a text, else in quotes.</summary>
    internal static string Text(string text)
    {
        if (Word.IsMatch(text) && !Ambiguous.IsMatch(text))
            return text;
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
        {
            // Printable ASCII and letters as they are; surrogate pairs too, which YAML's \u cannot spell.
            if (c is '"' or '\\')
                quoted.Append('\\').Append(c);
            else if (c is >= ' ' and <= '~' || char.IsLetterOrDigit(c) || char.IsSurrogate(c))
                quoted.Append(c);
            else
                quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");
        }
        return quoted.Append('"').ToString();
    }
}
