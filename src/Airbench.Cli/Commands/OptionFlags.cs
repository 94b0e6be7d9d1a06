using System.CommandLine;
using Airbench.Pipeline;

namespace Airbench.Cli;

/// <summary>The flags of an options record: one for each option, and one that may be repeated where it is a list.</summary>
internal sealed class OptionFlags
{
    private readonly List<(string Key, Option Option, Func<ParseResult, string?> Text)> _flags = [];

    /// <summary>To be added to a command.</summary>
    public IEnumerable<Option> Options => _flags.Select(flag => flag.Option);

    /// <summary>The flags of <paramref name="optionsType"/>.</summary>
    public static OptionFlags Of(Type optionsType)
    {
        var flags = new OptionFlags();
        foreach (var field in OptionFields.Of(optionsType))
        {
            var range = field.Range is null ? "" : $" [{field.Range}]";
            var description = $"{field.Description}{range}" + (field.Default is null ? "" : $" [default: {field.DefaultText}]");
            if (field.Type is ListType)
            {
                var option = new Option<string[]>(OptionText.Flag(field.Key)) { Description = $"{description} May be repeated." };
                flags._flags.Add((field.Key, option, parsed => parsed.GetValue(option) is { Length: > 0 } texts ? string.Join(',', texts) : null));
            }
            else
            {
                var option = new Option<string?>(OptionText.Flag(field.Key)) { Description = description };
                flags._flags.Add((field.Key, option, parsed => parsed.GetValue(option)));
            }
        }
        return flags;
    }

    /// <summary>What was given, by option key, as <see cref="OptionText"/> takes it.</summary>
    public Dictionary<string, string> Texts(ParseResult parsed) =>
        _flags.Select(flag => (flag.Key, Text: flag.Text(parsed))).Where(flag => flag.Text is not null).ToDictionary(flag => flag.Key, flag => flag.Text!);
}
