using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Airbench;

/// <summary>A record from a file with rules between its members, or about the length of its lists.</summary>
public interface IChecked
{
    /// <summary>What cannot be, as "member: found; expected". Asked only where every member alone is valid.</summary>
    IEnumerable<string> Problems();

    /// <summary>Whether the member of this name, as the file has it, means anything beside the others: one that does not may be out of its range.</summary>
    bool Heeds(string member) => true;
}

/// <summary>
/// What the types of a record cannot say, for every value in it at any depth: no null in lists and dictionaries, no number that is not finite
/// or out of its <see cref="RangeAttribute"/>, no undefined member of an enumeration, no NUL in a text, and what <see cref="IChecked"/> adds.
/// </summary>
internal static class JsonRules
{
    /// <summary>The first problem, with the path of its value: "runs[2].steps: -1; expected 0 or more"; null where there is none.</summary>
    /// <param name="value">What was read.</param>
    /// <param name="options">Those that it was read with.</param>
    public static string? Problem(object value, JsonSerializerOptions options) => Problems("", value, options).FirstOrDefault();

    private static IEnumerable<string> Problems(string path, object? value, JsonSerializerOptions options) => value switch
    {
        string text => text.Contains('\0', StringComparison.Ordinal) ? [$"{path}: found {Quote.Show(text)}; expected a text without NUL"] : [],
        double number => double.IsFinite(number) ? [] : [FormattableString.Invariant($"{path}: {number}; expected a finite number")],
        float number => float.IsFinite(number) ? [] : [FormattableString.Invariant($"{path}: {number}; expected a finite number")],
        Enum member => Enum.IsDefined(member.GetType(), member) ? [] : [$"{path}: {member}; expected one of {string.Join(", ", Enum.GetNames(member.GetType()))}"],
        null or IConvertible or DateTimeOffset => [],
        IDictionary map => map.Keys.Cast<string>().SelectMany(key => Problems(path.Length == 0 ? "a key" : $"a key of {path}", key, options)
            .Concat(map[key] is { } item ? Problems(Below(path, key), item, options) : [$"{Below(path, key)}: null; expected a value"])),
        IEnumerable list => list.Cast<object?>().SelectMany((item, i) => item is null
            ? [FormattableString.Invariant($"{path}[{i}]: null; expected a value")]
            : Problems(FormattableString.Invariant($"{path}[{i}]"), item, options)),
        _ => OfMembers(path, value, options),
    };

    private static IEnumerable<string> OfMembers(string path, object record, JsonSerializerOptions options)
    {
        var isValid = true;
        foreach (var member in options.GetTypeInfo(record.GetType()).Properties.Where(member => member is { Get: not null, Set: not null }))
        {
            if (record is IChecked rules && !rules.Heeds(member.Name))
            {
                continue;
            }
            foreach (var problem in OfMember(Below(path, member.Name), member, member.Get!(record), options))
            {
                isValid = false;
                yield return problem;
            }
        }
        foreach (var problem in isValid && record is IChecked @checked ? @checked.Problems() : [])
        {
            yield return Below(path, problem);
        }
    }

    private static IEnumerable<string> OfMember(string path, JsonPropertyInfo member, object? value, JsonSerializerOptions options) =>
        value is IConvertible and not string and not Enum && member.AttributeProvider is PropertyInfo property
            && NumberRange.Problem(path, property, value) is { } problem
            ? [problem]
            : Problems(path, value, options);

    private static string Below(string path, string key) => path.Length == 0 ? key : $"{path}.{key}";
}
