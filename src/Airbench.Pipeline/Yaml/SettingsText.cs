using System.Text.Json;
using System.Text.Json.Nodes;

namespace Airbench.Pipeline;

/// <summary>Settings as pairs of a dotted path and a text: <c>recipe.epochs</c>, 9.9.</summary>
internal static class SettingsText
{
    /// <summary>Every value of <paramref name="settings"/> that is not null. Lists stay in one piece, as their order means something.</summary>
    /// <param name="settings">Anything that JSON can hold.</param>
    /// <param name="write">What is written of a text.</param>
    public static IEnumerable<(string Path, string Value)> Of(object settings, Func<string, string> write) => Flatten("", Written(Json.ToNode(settings), write));

    /// <summary>A copy with <paramref name="write"/> applied to every text, before JSON escapes it.</summary>
    private static JsonNode? Written(JsonNode? node, Func<string, string> write) => node switch
    {
        JsonObject members => new JsonObject(members.Select(member => KeyValuePair.Create(write(member.Key), Written(member.Value, write)))),
        JsonArray items => new JsonArray([.. items.Select(item => Written(item, write))]),
        JsonValue value when value.GetValueKind() == JsonValueKind.String => JsonValue.Create(write(value.GetValue<string>())),
        _ => node?.DeepClone(),
    };

    private static IEnumerable<(string Path, string Value)> Flatten(string path, JsonNode? node) => node switch
    {
        null => [],
        JsonObject members => members.SelectMany(member => Flatten(path.Length == 0 ? member.Key : $"{path}.{member.Key}", member.Value)),
        JsonValue value when value.GetValueKind() == JsonValueKind.String => [(path, value.GetValue<string>())],
        _ => [(path, OneLine(node))],
    };

    private static string OneLine(JsonNode? node) => node switch
    {
        null => "null",
        JsonArray items => $"[{string.Join(", ", items.Select(OneLine))}]",
        JsonObject members => $"{{ {string.Join(", ", members.Select(member => $"{RecordFile.Text(member.Key)}: {OneLine(member.Value)}"))} }}",
        JsonValue value when value.GetValueKind() == JsonValueKind.String => RecordFile.Text(value.GetValue<string>()),
        _ => node.ToJsonString(),
    };
}
