using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Reflection;

namespace Airbench;

/// <summary>
/// Options that stand among those of the record that holds them, though they are no properties of it. Each has a value or was not given:
/// <c>epochs: 8</c> of the train stage is a change to the recipe that <c>recipe: airbench94</c> names.
/// </summary>
public interface IInlineOptions
{
    /// <summary>Every option that can be given, in the order of files and help texts.</summary>
    IReadOnlyList<InlineOption> Declared { get; }

    /// <summary>The value of <paramref name="key"/>; null where none was given.</summary>
    object? Find(string key);

    /// <summary>These and <paramref name="value"/> for <paramref name="key"/>; null takes the key's value away.</summary>
    IInlineOptions With(string key, object? value);
}

/// <summary>One of them.</summary>
/// <param name="Key">snake_case name, as in the file.</param>
/// <param name="Type">.NET type of a value that is given, never nullable.</param>
/// <param name="Property">Carries its <see cref="DescriptionAttribute"/> and <see cref="RangeAttribute"/>.</param>
public sealed record InlineOption(string Key, Type Type, PropertyInfo Property);
