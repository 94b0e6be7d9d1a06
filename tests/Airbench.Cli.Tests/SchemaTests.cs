using System.Text.Json;
using System.Text.Json.Nodes;
using Airbench.Cli;
using Airbench.Onnx;
using Airbench.Pipeline;
using CsCheck;
using Json.Schema;

namespace Airbench.Tests;

/// <summary>pipeline.schema.json as an editor uses it: a JSON-Schema validator has to agree with the program about every kind of stage.</summary>
public class SchemaTests
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };
    private static readonly JsonSchema Schema = JsonSchema.FromText(SchemaWriter.Write(Stages.All));

    [Fact]
    public void The_committed_pipeline_and_its_resolved_form_are_valid()
    {
        var text = File.ReadAllText(Path.Combine(Workplace.Repository, "pipeline.yaml"));
        AssertValid(YamlAsJson.Read(text));
        AssertValid(YamlAsJson.Read(ResolvedYaml.Write(PipelineFile.Parse(text, "pipeline.yaml", Stages.All, []))));
        AssertValid(YamlAsJson.Read(Workplace.SmallPipeline));
    }

    [Fact]
    public void Any_value_that_an_option_can_hold_is_valid_and_so_is_a_reference()
    {
        foreach (var kind in Stages.All)
        {
            foreach (var field in OptionFields.Of(kind.OptionsType))
            {
                foreach (var value in Values(field.Type).Cases(20))
                {
                    AssertValid(Pipeline(kind, field.Key, value));
                }
            }
        }
    }

    [Fact]
    public void Any_value_of_another_type_is_refused_by_the_schema_and_by_the_program()
    {
        foreach (var kind in Stages.All)
        {
            foreach (var field in OptionFields.Of(kind.OptionsType))
            {
                foreach (var wrong in WrongValues(field.Type))
                {
                    AssertRefusedByBoth(Pipeline(kind, field.Key, wrong), $"one.with.{field.Key}");
                }
            }
            AssertRefusedByBoth(Pipeline(kind, "no_such_option", 1), "unknown key 'no_such_option'");
        }
    }

    [Fact]
    public void Any_number_out_of_its_range_is_refused_by_the_schema_and_by_the_program()
    {
        var options = Stages.All.SelectMany(kind => OptionFields.Of(kind.OptionsType).Select(field => (kind, field)));
        var bounded = options.Where(option => option.field.Range is not null).ToList();
        Assert.True(bounded.Count > 40, $"{bounded.Count} options with a range");
        foreach (var (kind, field) in bounded)
        {
            var range = field.Range!;
            AssertRefusedByBoth(Pipeline(kind, field.Key, range.AboveLow ? range.Low : range.Low - 1), $"one.with.{field.Key}: ");
            if (range.High < int.MaxValue)
            {
                AssertRefusedByBoth(Pipeline(kind, field.Key, range.BelowHigh ? range.High : range.High + 1), $"one.with.{field.Key}: ");
            }
        }
    }

    [Theory]
    [InlineData("""{ }""")]
    [InlineData("""{ "stages": {} }""")]
    [InlineData("""{ "stages": { "Train": { "uses": "prepare" } } }""")]
    [InlineData("""{ "stages": { "prepare": {} } }""")]
    [InlineData("""{ "stages": { "prepare": { "uses": "prepared" } } }""")]
    [InlineData("""{ "stages": { "prepare": { "uses": "prepare", "width": {} } } }""")]
    [InlineData("""{ "stages": { "prepare": { "uses": "prepare", "with": { "epochs": 1 } } } }""")]
    [InlineData("""{ "stages": { "prepare": { "uses": "prepare", "with": { "image_size": "${HOME}" } } } }""")]
    [InlineData("""{ "seeds": 1, "stages": { "prepare": { "uses": "prepare" } } }""")]
    [InlineData("""{ "seed": -1, "stages": { "prepare": { "uses": "prepare" } } }""")]
    [InlineData("""{ "name": "a/b", "stages": { "prepare": { "uses": "prepare" } } }""")]
    [InlineData("""{ "device": "gpu", "stages": { "prepare": { "uses": "prepare" } } }""")]
    [InlineData("""{ "env": ["A B"], "stages": { "prepare": { "uses": "prepare" } } }""")]
    public void A_mistake_outside_of_the_options_is_refused_by_both(string pipeline) => AssertRefusedByBoth(JsonNode.Parse(pipeline)!, "pipeline.yaml:");

    [Fact]
    public void Every_option_has_a_description_and_a_default()
    {
        var options = JsonNode.Parse(SchemaWriter.Write(Stages.All))!["$defs"]!.AsObject()
            .Where(definition => definition.Key.StartsWith("with-", StringComparison.Ordinal))
            .SelectMany(definition => definition.Value!["properties"]!.AsObject().Select(option => (Name: $"{definition.Key}.{option.Key}", Schema: option.Value!)))
            .ToList();

        Assert.True(options.Count > 100, $"{options.Count} options");
        Assert.All(options, option => Assert.True(option.Schema["description"]?.GetValue<string>().Length > 10, option.Name));
        Assert.All(options, option => Assert.True(option.Schema.AsObject().ContainsKey("default"), option.Name));
    }

    /// <summary>Editors offer these; the program checks by itself.</summary>
    [Fact]
    public void The_texts_that_editors_offer_are_those_that_the_program_takes()
    {
        Assert.Equal(Recipe.All.Keys.Order(), Known(typeof(Airbench.Training.TrainOptions), "recipe").Order());
        Assert.Equal(Known(typeof(ExportOptions), "variants"), Known(typeof(FinetuneOptions), "variants"));
        foreach (var variant in Known(typeof(ExportOptions), "variants"))
        {
            var madeOf = variant.Contains('_', StringComparison.Ordinal) ? variant.Split('_')[0] : ExportOptions.Fp32;   // int8_tta of int8
            Assert.Empty(ExportOptions.Check(new ExportOptions { Variants = [.. new[] { ExportOptions.Fp32, madeOf, variant }.Distinct()] }));
        }
    }

    private static IReadOnlyList<string> Known(Type options, string key) => Known(OptionFields.Of(options).Single(field => field.Key == key).Type);

    private static IReadOnlyList<string> Known(OptionType type) => type switch
    {
        OptionalType optional => Known(optional.Of),
        ListType list => ((TextType)list.Item).Known,
        _ => ((TextType)type).Known,
    };

    private static JsonObject Pipeline(IStage kind, string key, JsonNode? value) => new()
    {
        ["env"] = new JsonArray("NAME"),
        ["stages"] = new JsonObject { ["one"] = new JsonObject { ["uses"] = kind.Uses, ["with"] = new JsonObject { [key] = value?.DeepClone() } } },
    };

    private static void AssertValid(JsonNode pipeline) => Assert.True(IsValid(pipeline), pipeline.ToJsonString());

    /// <param name="pipeline">With one mistake, but perhaps without the stages that its own needs.</param>
    /// <param name="message">What the program says of the mistake.</param>
    private static void AssertRefusedByBoth(JsonNode pipeline, string message)
    {
        Assert.False(IsValid(pipeline), $"the schema takes {pipeline.ToJsonString()}");
        var yaml = pipeline.ToJsonString(Indented);   // JSON is YAML
        var error = Assert.Throws<ConfigurationException>(() => PipelineFile.Parse(yaml, "pipeline.yaml", Stages.All, [], environment: _ => "1")).Message;
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.DoesNotContain("not valid YAML", error, StringComparison.Ordinal);
    }

    private static bool IsValid(JsonNode pipeline) => Schema.Evaluate(JsonSerializer.SerializeToElement(pipeline)).IsValid;

    private static Gen<JsonNode?> Values(OptionType type)
    {
        var reference = Gen.Const((JsonNode?)JsonValue.Create("${env:NAME}"));
        return type switch
        {
            TextType { Known: { Count: > 0 } known } => Gen.OneOf(Gen.OneOf([.. known]).Select(Node), reference),
            TextType => Gen.OneOf(Gen.String.Select(Node), reference),
            FlagType => Gen.OneOf(Gen.Bool.Select(Node), Gen.OneOf("on", "off").Select(Node), reference),
            WholeType { Range: { } range } => Gen.OneOf(Gen.Int[(int)range.Low, (int)range.High].Select(Node), reference),
            WholeType whole => Gen.OneOf(whole.Clr == typeof(int) ? Gen.Int.Select(Node) : Gen.Long.Select(Node), reference),
            NumberType { Range: { } range } => Gen.OneOf(Gen.Double[range.Low, Math.Min(range.High, 1e9)].Where(range.Contains).Select(Node), reference),
            NumberType => Gen.OneOf(Gen.Double.Where(double.IsFinite).Select(Node), reference),
            ChoiceType choice => Gen.OneOf(Gen.OneOf([.. choice.Names]).Select(Node), reference),
            ListType { Item: TextType text } => Gen.OneOf(Values(text).Array[0, 3].Select(ListNode), Values(text)),
            ListType list => Values(list.Item).Array[0, 3].Select(ListNode),
            MapType map => Gen.Select(Gen.String, Values(map.Item)).Select(pair => (JsonNode?)new JsonObject { [pair.Item1] = pair.Item2?.DeepClone() }),
            OptionalType optional => Gen.OneOf(Values(optional.Of), Gen.Const((JsonNode?)null)),
            GroupType => Gen.Const((JsonNode?)new JsonObject()),
            _ => throw new ArgumentException(type.Expected, nameof(type)),
        };

        static JsonNode? Node<T>(T value) => JsonValue.Create(value);
        static JsonNode? ListNode(JsonNode?[] items) => new JsonArray([.. items.Select(item => item?.DeepClone())]);
    }

    private static IEnumerable<JsonNode?> WrongValues(OptionType type) => type switch
    {
        TextType { Known.Count: > 0 } => ["nothing_of_that_name", new JsonObject(), null],
        TextType => [new JsonObject(), null],
        FlagType => ["yes", 1, "true", null, new JsonArray()],
        WholeType => [1.5, "1", "one", true, null, new JsonArray(1)],
        NumberType => ["1.5", "half", true, null, new JsonObject()],
        ChoiceType => ["nothing_of_that_name", true, null, new JsonArray()],
        ListType { Item: TextType } list => [new JsonObject(), null, .. WrongValues(list.Item).Select(wrong => (JsonNode)new JsonArray(wrong?.DeepClone()))],
        ListType list => [new JsonObject(), "x", null, .. WrongValues(list.Item).Select(wrong => (JsonNode)new JsonArray(wrong?.DeepClone()))],
        MapType map => [new JsonArray(), "x", null, .. WrongValues(map.Item).Select(wrong => (JsonNode)new JsonObject { ["key"] = wrong?.DeepClone() })],
        OptionalType optional => WrongValues(optional.Of).Where(wrong => wrong is not null),
        GroupType => [new JsonArray(), "x", new JsonObject { ["no_such_option"] = 1 }, null],
        _ => throw new ArgumentException(type.Expected, nameof(type)),
    };
}
