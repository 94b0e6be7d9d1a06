using System.Text.Json;

namespace Airbench.Pipeline;

/// <summary>
/// What an option can hold. The binder, the resolved file, the schema and the command line's flags all walk this one description.
/// </summary>
/// <param name="Clr">The .NET type of the value.</param>
/// <param name="Expected">In words: "a whole number".</param>
public abstract record OptionType(Type Clr, string Expected);

/// <summary>Any text.</summary>
public sealed record TextType() : OptionType(typeof(string), "a text")
{
    /// <summary>The texts that make sense, for editors to offer; empty where they cannot be listed. The stage's own check decides.</summary>
    public IReadOnlyList<string> Known { get; init; } = [];
}

/// <summary>true or false, or on or off as the paper's ablations say; no other spelling.</summary>
public sealed record FlagType() : OptionType(typeof(bool), "true or false (on or off)");

/// <summary>A number of any kind.</summary>
public abstract record NumericType(Type Clr, string Expected) : OptionType(Clr, Expected)
{
    /// <summary>What it may be, for editors and help texts; null is any. The stage's own check decides.</summary>
    public NumberRange? Range { get; init; }
}

/// <summary>A whole number of <see cref="int"/> or <see cref="long"/>.</summary>
public sealed record WholeType(Type Clr) : NumericType(Clr, "a whole number");

/// <summary>A finite number.</summary>
public sealed record NumberType() : NumericType(typeof(double), "a number");

/// <summary>One name of an enum, in snake_case.</summary>
public sealed record ChoiceType(Type Clr) : OptionType(Clr, $"one of {string.Join(", ", NamesOf(Clr))}")
{
    /// <summary>The names, in the order of the enum's values.</summary>
    public IReadOnlyList<string> Names { get; } = NamesOf(Clr);

    /// <summary>The value called <paramref name="name"/>, or null.</summary>
    public object? Value(string name) =>
        Names.ToList().IndexOf(name) is >= 0 and var i ? Enum.GetValues(Clr).GetValue(i) : null;

    /// <summary>The name of <paramref name="value"/>.</summary>
    public static string NameOf(object value) => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString()!);

    private static List<string> NamesOf(Type type) => [.. Enum.GetNames(type).Select(JsonNamingPolicy.SnakeCaseLower.ConvertName)];
}

/// <summary>A list; the value is an array.</summary>
public sealed record ListType(OptionType Item) : OptionType(Item.Clr.MakeArrayType(), $"a list, each {Item.Expected}");

/// <summary>A mapping from names to values; the value is a <see cref="Dictionary{TKey, TValue}"/>.</summary>
public sealed record MapType(OptionType Item)
    : OptionType(typeof(Dictionary<,>).MakeGenericType(typeof(string), Item.Clr), $"a mapping from names, each to {Item.Expected}");

/// <summary>A record of options inside the options.</summary>
public sealed record GroupType(Type Clr, IReadOnlyList<OptionField> Fields)
    : OptionType(Clr, $"a mapping with the keys {string.Join(", ", Fields.Select(f => f.Key))}");

/// <summary>A value or nothing (null).</summary>
public sealed record OptionalType(OptionType Of, Type Clr) : OptionType(Clr, $"{Of.Expected}, or null");
