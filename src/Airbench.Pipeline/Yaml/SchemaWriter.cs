using System.Collections;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Airbench.Pipeline;

/// <summary>JSON Schema (draft 2020-12) of pipeline.yaml, for the completion and checks of editors.</summary>
public static class SchemaWriter
{
    private static readonly JsonSerializerOptions Layout = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The schema as indented JSON with a final newline.</summary>
    public static string Write(IReadOnlyList<IStage> kinds) => Schema(kinds).ToJsonString(Layout) + "\n";

    private static JsonObject Schema(IReadOnlyList<IStage> kinds)
    {
        var definitions = new JsonObject
        {
            ["name"] = new JsonObject { ["type"] = "string", ["pattern"] = Names.Pattern },
            ["env"] = new JsonObject { ["type"] = "string", ["pattern"] = EnvironmentReferences.ReferenceExpression },
        };
        foreach (var kind in kinds)
        {
            definitions[$"with-{kind.Uses}"] = With(kind);
        }

        definitions["stage"] = StageSchema(kinds);
        return new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = $"{Product.Name} pipeline",
            ["type"] = "object",
            ["additionalProperties"] = false,
            ["required"] = new JsonArray("stages"),
            ["properties"] = new JsonObject
            {
                ["name"] = Described(
                    Reference("name"),
                    "Name of the pipeline: a folder under runs/, and what its artifacts are called.",
                    PipelineFile.DefaultName),
                ["seed"] = Described(
                    Number("integer", new(0, int.MaxValue)),
                    "Seed of everything random.",
                    PipelineFile.DefaultSeed),
                ["device"] = Described(
                    OrReference(new JsonObject { ["type"] = "string", ["pattern"] = PipelineFile.DevicePattern, ["examples"] = new JsonArray("auto", "cpu", "cuda") }),
                    "auto, cpu, cuda or cuda:N. auto takes the best there is and says which; cuda fails where there is none.",
                    PipelineFile.DefaultDevice),
                ["usd_per_hour"] = Described(
                    OrNull(Number("number", new(0, double.MaxValue))),
                    "Price of the machine, US dollars an hour: timings.csv and the summary then say what each stage cost.",
                    null),
                ["tracking"] = new JsonObject
                {
                    ["type"] = "array",
                    ["items"] = new JsonObject { ["enum"] = new JsonArray([.. new ChoiceType(typeof(Tracker)).Names.Select(name => JsonValue.Create(name))]) },
                    ["uniqueItems"] = true,
                    ["description"] = "Formats that a run is written in as well: tensorboard (event files in its folder).",
                    ["default"] = new JsonArray(),
                },
                ["env"] = new JsonObject
                {
                    ["description"] = "Environment variables that values may take as ${env:NAME}. Logs and saved files keep ${env:NAME}.",
                    ["type"] = new JsonArray("array", "string", "null"),
                    ["items"] = new JsonObject { ["type"] = "string", ["pattern"] = EnvironmentReferences.NameExpression },
                },
                ["stages"] = new JsonObject
                {
                    ["description"] = "The stages by name.",
                    ["type"] = "object",
                    ["minProperties"] = 1,
                    ["maxProperties"] = PipelineFile.MaxStages,
                    ["propertyNames"] = Reference("name"),
                    ["additionalProperties"] = Reference("stage"),
                },
            },
            ["$defs"] = definitions,
        };
    }

    /// <summary>A stage: <c>uses</c> decides what <c>with</c> may hold.</summary>
    private static JsonObject StageSchema(IReadOnlyList<IStage> kinds) => new()
    {
        ["type"] = "object",
        ["additionalProperties"] = false,
        ["required"] = new JsonArray("uses"),
        ["properties"] = new JsonObject
        {
            ["uses"] = new JsonObject
            {
                ["description"] = string.Join('\n', kinds.Select(k => $"{k.Uses}: {k.Description}")),
                ["enum"] = Strings(kinds.Select(k => k.Uses)),
            },
            ["needs"] = new JsonObject
            {
                ["description"] = "Stages whose artifacts it takes.",
                ["type"] = new JsonArray("array", "string", "null"),
                ["items"] = Reference("name"),
                ["uniqueItems"] = true,
            },
            ["with"] = new JsonObject { ["description"] = "Options.", ["type"] = new JsonArray("object", "null") },
        },
        ["allOf"] = new JsonArray([.. kinds.Select(kind => new JsonObject
        {
            ["if"] = new JsonObject
            {
                ["required"] = new JsonArray("uses"),
                ["properties"] = new JsonObject { ["uses"] = new JsonObject { ["const"] = kind.Uses } },
            },
            ["then"] = new JsonObject { ["properties"] = new JsonObject { ["with"] = Reference($"with-{kind.Uses}") } },
        })]),
    };

    private static JsonObject With(IStage kind)
    {
        var schema = Of(new GroupType(kind.OptionsType, OptionFields.Of(kind.OptionsType)));
        schema["type"] = new JsonArray("object", "null");   // "with:" with nothing behind it is all defaults
        schema["description"] = kind.Description;
        return schema;
    }

    private static JsonObject Of(OptionType type) => type switch
    {
        TextType { Known: { Count: > 0 } known } => OrReference(new() { ["enum"] = Strings(known) }),
        TextType => new() { ["type"] = "string" },
        FlagType => OrReference(new() { ["enum"] = new JsonArray(true, false, "on", "off") }),
        WholeType whole => Number("integer", whole.Range ?? (whole.Clr == typeof(int) ? new(int.MinValue, int.MaxValue) : null)),
        NumberType number => Number("number", number.Range),
        ChoiceType choice => OrReference(new() { ["enum"] = Strings(choice.Names) }),
        ListType { Item: TextType { Known.Count: > 0 } } list => new()
        {
            ["anyOf"] = new JsonArray(new JsonObject { ["type"] = "array", ["items"] = Of(list.Item) }, Of(list.Item)),
        },
        ListType { Item: TextType } list => new() { ["type"] = new JsonArray("string", "array"), ["items"] = Of(list.Item) },
        ListType list => new() { ["type"] = "array", ["items"] = Of(list.Item) },
        MapType map => new() { ["type"] = "object", ["additionalProperties"] = Of(map.Item) },
        OptionalType optional => OrNull(Of(optional.Of)),
        GroupType group => new()
        {
            ["type"] = "object",
            ["additionalProperties"] = false,
            ["properties"] = new JsonObject(group.Fields.Select(f =>
                KeyValuePair.Create(f.Key, (JsonNode?)Described(Of(f.Type), f.Description, Json(f.Type, f.Default))))),
        },
        _ => throw new ArgumentException($"{type.GetType().Name} has no schema"),
    };

    private static JsonNode? Json(OptionType type, object? value) => (type, value) switch
    {
        (_, null) => null,
        (OptionalType optional, _) => Json(optional.Of, value),
        (ChoiceType, _) => ChoiceType.NameOf(value),
        (ListType list, IEnumerable items) => new JsonArray([.. items.Cast<object?>().Select(item => Json(list.Item, item))]),
        (MapType map, _) => new JsonObject(ResolvedYaml.Pairs(value).Select(p => KeyValuePair.Create(p.Key, Json(map.Item, p.Value)))),
        (GroupType group, _) => new JsonObject(
            group.Fields.Select(f => KeyValuePair.Create(f.Key, Json(f.Type, f.Get(value))))),
        _ => JsonSerializer.SerializeToNode(value, type.Clr),
    };

    /// <summary>A number, or a reference: of a text the bounds say nothing, of a number the pattern.</summary>
    private static JsonObject Number(string type, NumberRange? range)
    {
        var schema = new JsonObject { ["type"] = new JsonArray(type, "string"), ["pattern"] = EnvironmentReferences.ReferenceExpression };
        if (range is not null)
        {
            schema[range.AboveLow ? "exclusiveMinimum" : "minimum"] = range.Low;
        }

        if (range is { High: < double.MaxValue })
        {
            schema[range.BelowHigh ? "exclusiveMaximum" : "maximum"] = range.High;
        }

        return schema;
    }

    private static JsonObject OrReference(JsonObject schema) => new() { ["anyOf"] = new JsonArray(schema, Reference("env")) };

    /// <summary>The schema that takes null as well, in as few words as editors show best.</summary>
    private static JsonObject OrNull(JsonObject schema)
    {
        if (schema["type"] is { } type)
        {
            schema["type"] = type is JsonArray several ? new JsonArray([.. several.Select(t => t!.DeepClone()), "null"]) : new JsonArray(type.DeepClone(), "null");
        }
        else
        {
            schema["anyOf"]!.AsArray().Add(new JsonObject { ["type"] = "null" });
        }

        return schema;
    }

    private static JsonObject Described(JsonObject schema, string description, JsonNode? value)
    {
        if (description.Length > 0)
        {
            schema["description"] = description;
        }

        schema["default"] = value;
        return schema;
    }

    private static JsonObject Reference(string definition) => new() { ["$ref"] = $"#/$defs/{definition}" };

    private static JsonArray Strings(IEnumerable<string> values) => [.. values.Select(v => (JsonNode)v)];
}
