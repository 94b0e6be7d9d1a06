using System.Text.Json;
using System.Text.Json.Nodes;

namespace Airbench.Pipeline.Internal;

/// <summary>Settings as pairs of a dotted path and a text: <c>recipe.epochs</c>, 9.9.</summary>
internal static class SettingsText
{
    /// <summary>Every value of <paramref name="settings"/> that is not null. Lists stay in one piece, as their order means something.</summary>
    public static IEnumerable<(string Path, string Value)> Of(object settings) => Flatten("", Json.ToNode(settings));

    private static IEnumerable<(string Path, string Value)> Flatten(string path, JsonNode? node) => node switch
    {
        null => [],
        JsonObject members => members.SelectMany(member => Flatten(path.Length == 0 ? member.Key : $"{path}.{member.Key}", member.Value)),
        JsonValue value when value.GetValueKind() == JsonValueKind.String => [(path, value.GetValue<string>())],
        _ => [(path, node.ToJsonString(Json.OneLine))],
    };
}
