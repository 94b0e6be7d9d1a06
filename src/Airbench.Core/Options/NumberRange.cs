using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;

namespace Airbench;

/// <summary>The finite numbers that an option can be, from the <see cref="RangeAttribute"/> of its property.</summary>
/// <param name="Low">Lower bound.</param>
/// <param name="High">Upper bound; the largest number of its type where only the lower one means something.</param>
/// <param name="AboveLow">Whether the lower bound itself is out.</param>
/// <param name="BelowHigh">Whether the upper bound itself is out.</param>
public sealed record NumberRange(double Low, double High, bool AboveLow = false, bool BelowHigh = false)
{
    /// <summary>The range of <paramref name="property"/>, or null.</summary>
    public static NumberRange? Of(PropertyInfo property) => property.GetCustomAttribute<RangeAttribute>() is not { } range ? null : new(
        Convert.ToDouble(range.Minimum, CultureInfo.InvariantCulture),
        Convert.ToDouble(range.Maximum, CultureInfo.InvariantCulture),
        range.MinimumIsExclusive,
        range.MaximumIsExclusive);

    /// <summary>The values of <paramref name="options"/> that are out of range, as "key: found; expected".</summary>
    /// <typeparam name="T">Its properties are checked, not those of a type derived from it.</typeparam>
    public static IEnumerable<string> Problems<T>(T options) =>
        typeof(T).GetProperties().Select(property => Problem(OptionKeyAttribute.Of(property), property, property.GetValue(options))).OfType<string>();

    /// <summary>What is wrong with <paramref name="value"/> in <paramref name="property"/>; null where it is in range, or null, or has none.</summary>
    public static string? Problem(string key, PropertyInfo property, object? value) =>
        value is null || Of(property) is not { } range || range.Contains(Convert.ToDouble(value, CultureInfo.InvariantCulture))
            ? null
            : FormattableString.Invariant($"{key}: {value}; expected {range}");

    /// <summary>Whether <paramref name="number"/> is in range; NaN never is.</summary>
    public bool Contains(double number) => (AboveLow ? number > Low : number >= Low) && (BelowHigh ? number < High : number <= High);

    /// <summary>In words: "1 to 100", "more than 0, at most 1".</summary>
    public override string ToString() => (AboveLow, BelowHigh, IsOpen: High >= int.MaxValue) switch
    {
        (false, _, IsOpen: true) => FormattableString.Invariant($"{Low} or more"),
        (true, _, IsOpen: true) => FormattableString.Invariant($"more than {Low}"),
        (false, false, _) => FormattableString.Invariant($"{Low} to {High}"),
        (false, true, _) => FormattableString.Invariant($"{Low} to below {High}"),
        (true, false, _) => FormattableString.Invariant($"more than {Low}, at most {High}"),
        (true, true, _) => FormattableString.Invariant($"more than {Low}, below {High}"),
    };
}
