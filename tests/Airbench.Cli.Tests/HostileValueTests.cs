using System.Text.Json;
using System.Text.Json.Nodes;
using Airbench.Cli;
using Airbench.Pipeline;

namespace Airbench.Tests;

/// <summary>Values that fit an option's type and nothing else: every kind's own checks have to answer with a sentence, and soon.</summary>
public class HostileValueTests
{
    private static readonly string[] Texts =
    [
        "", " ", "\0", "a\0b", "..", "../..", "/", "//", "~", "a/../../b", "C:\\x", "con", "nul.txt", "\n", "\r\nx", "\u2028", "\ud83e\udd8a", "*", "?:<>|", "%s{0}",
        "file:///etc/passwd", "exports/:", ":", "::fp32", "model.onnx", ".onnx", "1/0", "0/1", "-1/2", "999999999999/1", "int8:int8", "a.b.c", "recipe: x", "$(id)", "'", "\"",
        new('x', 300), new('/', 5000), new('x', 100_000),
    ];

    private static readonly double[] Numbers = [0, -1, 1, 0.5, -0.0, 1e-300, 1e300, double.Epsilon, double.MaxValue, int.MaxValue, int.MinValue, long.MaxValue, 2147483648.0];

    [Fact]
    public void Every_option_with_every_hostile_value_is_taken_or_refused_in_words()
    {
        var refused = 0;
        foreach (var kind in Stages.All)
        {
            foreach (var field in OptionFields.Of(kind.OptionsType))
            {
                foreach (var value in Values(field.Type))
                {
                    refused += IsRefused(kind, field.Key, value) ? 1 : 0;
                }
            }
        }
        Assert.True(refused > 500, $"{refused} refused");
    }

    private static bool IsRefused(IStage kind, string key, JsonNode value)
    {
        var with = new JsonObject { [key] = value.DeepClone() };
        if (kind.Uses == "prepare" && key == "path")
        {
            with["source"] = "folder";
        }

        var yaml = new JsonObject
        {
            ["stages"] = new JsonObject
            {
                ["data"] = new JsonObject { ["uses"] = "prepare", ["with"] = new JsonObject { ["source"] = "synthetic", ["name"] = "drawn" } },
                ["one"] = new JsonObject { ["uses"] = kind.Uses, ["with"] = with },
            },
        }.ToJsonString(new JsonSerializerOptions { WriteIndented = true });
        try
        {
            PipelineFile.Parse(yaml, "pipeline.yaml", Stages.All, []);
            return false;
        }
        catch (ConfigurationException e)
        {
            Assert.All(e.Message.Split('\n'), line => Assert.StartsWith("pipeline.yaml:", line, StringComparison.Ordinal));
            return true;
        }
        catch (Exception e) when (e is not Xunit.Sdk.XunitException)
        {
            throw new InvalidOperationException($"{e.GetType().Name} from {kind.Uses}.{key} = {Short(value)}", e);
        }
    }

    private static string Short(JsonNode value) => value.ToJsonString() is { Length: > 200 } longText ? longText[..200] + "..." : value.ToJsonString();

    private static IEnumerable<JsonNode> Values(OptionType type) => type switch
    {
        TextType => Texts.Select(text => (JsonNode)JsonValue.Create(text)),
        NumberType => Numbers.Select(number => (JsonNode)JsonValue.Create(number)),
        WholeType => ((long[])[0, -1, 1, 2, 1000, int.MaxValue, int.MinValue, long.MaxValue, long.MinValue]).Select(number => (JsonNode)JsonValue.Create(number)),
        ListType list => [new JsonArray(), .. Values(list.Item).Select(item => new JsonArray(item.DeepClone(), item.DeepClone()))],
        MapType map => Values(map.Item).Zip(Texts.Concat(Texts)).Select(pair => new JsonObject { [pair.Second] = pair.First.DeepClone() }),
        OptionalType optional => Values(optional.Of),
        _ => [],
    };
}
