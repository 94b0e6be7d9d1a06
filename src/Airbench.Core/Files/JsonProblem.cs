using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;

namespace Airbench;

/// <summary>What <see cref="JsonSerializer"/> complains of, for whoever has the file: its own words are of .NET's types.</summary>
internal static partial class JsonProblem
{
    /// <summary>"runs[0].steps: is of another kind; expected a whole number (line 3)".</summary>
    /// <param name="e">The complaint.</param>
    /// <param name="read">The type that was read.</param>
    /// <param name="options">Those that it was read with.</param>
    public static string Of(JsonException e, Type read, JsonSerializerOptions options)
    {
        var place = (e.Path ?? "$").TrimStart('$').TrimStart('.');
        var line = e.LineNumber is { } n ? string.Create(CultureInfo.InvariantCulture, $" (line {n + 1})") : "";
        return $"{(place.Length == 0 ? "" : $"{place}: ")}{Sentence(e, read, options)}{line}";
    }

    private static string Sentence(JsonException e, Type read, JsonSerializerOptions options)
    {
        if (e.Message.StartsWith("The JSON value could not be converted", StringComparison.Ordinal))
        {
            return $"is of another kind; expected {Expected(At(e.Path ?? "$", read, options), options)}";
        }
        if (Missing().Match(e.Message) is { Success: true } missing)
        {
            return $"lacks {missing.Groups[1].Value}";
        }
        if (Unknown().Match(e.Message) is { Success: true } unknown)
        {
            return $"has {unknown.Groups[1].Value}, which is unknown here";
        }
        if (Doubled().Match(e.Message) is { Success: true } doubled)
        {
            return $"has {doubled.Groups[1].Value} twice";
        }
        return e.Message.Contains("null values", StringComparison.Ordinal) ? "null; expected a value" : Position().Split(e.Message)[0].TrimEnd('.');
    }

    /// <summary>The type of the value at <paramref name="path"/>, such as $.runs[0].steps, in one of type <paramref name="type"/>.</summary>
    private static Type At(string path, Type type, JsonSerializerOptions options)
    {
        foreach (Match step in Step().Matches(path))
        {
            var info = options.GetTypeInfo(type);
            type = info.ElementType ?? info.Properties.FirstOrDefault(member => member.Name == step.Groups["name"].Value)?.PropertyType ?? type;
        }
        return Nullable.GetUnderlyingType(type) ?? type;
    }

    /// <summary>What a value of a type is in JSON.</summary>
    private static string Expected(Type type, JsonSerializerOptions options) => Type.GetTypeCode(type) switch
    {
        _ when type.IsEnum => $"one of {string.Join(", ", Enum.GetNames(type).Select(JsonNamingPolicy.SnakeCaseLower.ConvertName))}",
        TypeCode.String => "a text",
        TypeCode.Boolean => "true or false",
        TypeCode.Single or TypeCode.Double => "a number",
        >= TypeCode.SByte and <= TypeCode.UInt64 => "a whole number",
        _ when type == typeof(DateTimeOffset) => "a time as in ISO 8601",
        _ => options.GetTypeInfo(type).Kind == JsonTypeInfoKind.Enumerable ? "a list" : "an object",
    };

    [GeneratedRegex(@"\.(?<name>[^.[]+)|\[\d+\]|\['[^']*'\]")]
    private static partial Regex Step();

    [GeneratedRegex("^JSON deserialization for type .* was missing required properties including: (.+?)\\.")]
    private static partial Regex Missing();

    [GeneratedRegex("^The JSON property ('.*') could not be mapped")]
    private static partial Regex Unknown();

    [GeneratedRegex("^Duplicate property ('.*') encountered")]
    private static partial Regex Doubled();

    [GeneratedRegex(" Path: | LineNumber: ")]
    private static partial Regex Position();
}
