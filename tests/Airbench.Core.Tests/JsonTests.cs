using System.Text;
using System.Text.Json.Nodes;

namespace Airbench.Tests;

/// <summary>Files of ours that somebody else wrote, or a disk: read as they are meant, or refused by name.</summary>
public sealed class JsonTests : IDisposable
{
    private readonly TemporaryFolder _folder = new(inMemory: true);

    public void Dispose() => _folder.Dispose();

    /// <summary>Every kind of manifest that this project reads, by the value that a file of it holds.</summary>
    public static TheoryData<string> Kinds => [.. Manifests.All.Keys];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_is_written_is_read_again(string kind) =>
        Assert.Equal(Json.Write(Manifests.All[kind].Value), Json.Write(Manifests.All[kind].Read(Write(Json.Write(Manifests.All[kind].Value)))));

    public static TheoryData<string> Recipes => [.. Recipe.All.Keys];

    [Theory]
    [MemberData(nameof(Recipes))]
    public void Every_recipe_is_read_as_it_was_written(string recipe) =>
        Assert.Equal(Json.Write(Recipe.All[recipe]), Json.Write(Json.Read<Recipe>(Write(Json.Write(Recipe.All[recipe])))));

    [Fact]
    public void A_learning_rate_is_checked_where_it_is_used() =>
        Assert.Contains(
            "lr1024: 0; expected more than 0",
            Assert.Throws<InvalidFileException>(() => Json.Read<Recipe>(Write(Json.Write(Recipe.All["airbench94"] with { Lr1024 = 0 })))).Message,
            StringComparison.Ordinal);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_damaged_file_is_refused_by_name_or_read_and_never_a_crash(string kind)
    {
        var (value, read) = Manifests.All[kind];
        var path = Write("");
        var refused = JsonFuzz.Refused(Json.Write(value), cases: 300, damaged =>
        {
            File.WriteAllBytes(path, damaged);
            Json.Write(read(path));   // what is accepted holds nothing that cannot be walked through
        });
        Assert.InRange(refused, 100, int.MaxValue);
        TestContext.Current.SendDiagnosticMessage($"{kind}: {refused} refused");
    }

    [Theory]
    [InlineData("bundle", "classes.1", "null", "classes[1]: null; expected a value")]
    [InlineData("bundle", "variants.fp32", "null", "variants.fp32: null; expected a value")]
    [InlineData("bundle", "provenance.versions.libtorch", "null", "provenance.versions.libtorch: null; expected a value")]
    [InlineData("bundle", "classes.1", "\"a\\u0000b\"", "classes[1]: found 'a\\u0000b'; expected a text without NUL")]
    [InlineData("bundle", "classes.1", "\"a\\r\\nb\"", "classes: 'a\\r\\nb' has a line break; expected names of one line")]
    [InlineData("bundle", "name", "\"../x\"", "name: '../x'; expected the name of a folder")]
    [InlineData("bundle", "variants.fp32.file", "\"/etc/passwd\"", "variants.fp32.file: '/etc/passwd'; expected the name of a file in the bundle")]
    [InlineData("bundle", "variants.fp32.bytes", "-1", "variants.fp32.bytes: -1; expected 0 or more")]
    [InlineData("bundle", "image_size", "0", "image_size: 0; expected 16 to 1024")]
    [InlineData("bundle", "fp32.correct_plain", "2001", "fp32.count: 2000; expected no less than the correct answers")]
    [InlineData("bundle", "parity.max_abs_difference", "1e999", "parity.max_abs_difference: Infinity; expected 0 or more")]
    [InlineData("bundle", "preprocessing_steps.range", "[0]", "preprocessing_steps.range: 1 numbers; expected 2, the smallest and the largest")]
    [InlineData("bundle", "preprocessing_steps.inside_the_model.mean", "[]", "preprocessing_steps.inside_the_model.mean: 0 numbers; expected 3, for red, green and blue")]
    [InlineData("model", "runs.0.steps", "-5", "runs[0].steps: -5; expected 0 or more")]
    [InlineData("model", "classes", "[\"a\"]", "classes: 1 names; expected 3, as the network has")]
    [InlineData("model", "network.depth", "7", "network.Depth is 7; expected 2 or 3")]
    [InlineData("dataset", "train_count", "-1", "train_count: -1; expected 0 or more")]
    [InlineData("dataset", "std.0", "1e999", "std[0]: Infinity; expected a finite number")]
    [InlineData("evaluation", "accuracy", "1.5", "accuracy: 1.5; expected 0 to 1")]
    [InlineData("evaluation", "accuracy_interval95", "[0.5]", "a 95% interval has other than two ends")]
    [InlineData("run", "stages.0.needs.0", "null", "stages[0].needs[0]: null; expected a value")]
    public void A_value_that_cannot_be_is_named_with_its_place(string kind, string where, string value, string problem)
    {
        var error = Assert.Throws<InvalidFileException>(() => Damaged(kind, where, value));
        Assert.EndsWith($": {problem}", error.Message, StringComparison.Ordinal);
        Assert.StartsWith($"{error.Path}: is not a valid ", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bundle", "input", "1", "one of uint8_nchw, uint8_nhwc, float_nchw")]
    [InlineData("bundle", "input", "\"1\"", "one of uint8_nchw, uint8_nhwc, float_nchw")]
    [InlineData("bundle", "input", "\"uint16\"", "one of uint8_nchw, uint8_nhwc, float_nchw")]
    [InlineData("model", "recipe.tta", "77", "one of none, mirror, mirror_translate, adaptive")]
    [InlineData("bundle", "variants", "[1]", "an object")]
    [InlineData("bundle", "variants.fp32", "\"model.onnx\"", "an object")]
    [InlineData("bundle", "classes", "{}", "a list")]
    [InlineData("bundle", "name", "7", "a text")]
    [InlineData("model", "runs.0.steps", "2.5", "a whole number")]
    [InlineData("dataset", "std.0", "\"x\"", "a number")]
    [InlineData("evaluation", "synthetic", "\"yes\"", "true or false")]
    public void A_value_of_another_kind_is_named_with_the_right_one(string kind, string where, string value, string expected)
    {
        var place = where.Replace(".0", "[0]", StringComparison.Ordinal);
        Assert.EndsWith($": {place}: is of another kind; expected {expected} (line 1)", Assert.Throws<InvalidFileException>(() => Damaged(kind, where, value)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ \"name\": ", "line 1")]
    [InlineData("{}", "lacks 'name', ")]
    [InlineData("[]", "expected an object (line 1)")]
    [InlineData("\0\0", "invalid start of a value (line 1)")]
    [InlineData("{ \"naem\": 1 }", "naem: has 'naem', which is unknown here (line 1)")]
    [InlineData("{ \"name\": null }", "name: null; expected a value (line 1)")]
    public void What_is_no_such_file_is_said_without_names_of_types(string text, string sentence)
    {
        var problem = Assert.Throws<InvalidFileException>(() => Manifests.All["dataset"].Read(Write(text))).Problem;
        Assert.Contains(sentence, problem, StringComparison.Ordinal);
        Assert.DoesNotContain("Airbench.", problem, StringComparison.Ordinal);
        Assert.DoesNotContain(".NET", problem, StringComparison.Ordinal);
        Assert.DoesNotContain("Path: ", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_member_that_is_there_twice_is_refused()
    {
        var text = Json.Write(Manifests.All["dataset"].Value).Replace("\"train_count\": 7,", "\"train_count\": 7, \"train_count\": 8,", StringComparison.Ordinal);
        Assert.Contains("has 'train_count' twice", Assert.Throws<InvalidFileException>(() => Manifests.All["dataset"].Read(Write(text))).Message, StringComparison.Ordinal);
    }

    private string Write(string text) => _folder.Write("file.json", Encoding.UTF8.GetBytes(text));

    private object Damaged(string kind, string where, string value)
    {
        var root = JsonNode.Parse(Json.Write(Manifests.All[kind].Value))!;
        var (node, path) = (root, where.Split('.'));
        foreach (var key in path[..^1])
        {
            node = int.TryParse(key, out var i) ? node[i]! : node[key]!;
        }
        if (node is JsonArray list)
        {
            list[int.Parse(path[^1], System.Globalization.CultureInfo.InvariantCulture)] = JsonNode.Parse(value);
        }
        else
        {
            node[path[^1]] = JsonNode.Parse(value);
        }
        return Manifests.All[kind].Read(Write(root.ToJsonString()));
    }
}
