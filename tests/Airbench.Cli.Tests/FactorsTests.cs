using System.Reflection;
using Airbench.Cli;
using Airbench.Data;
using Airbench.Onnx;
using Airbench.Pipeline;

namespace Airbench.Tests;

/// <summary>A result may be reused only where every option that can change it counts.</summary>
public class FactorsTests
{
    /// <summary>Options that count in another way than as settings, or not at all, and why.</summary>
    private static readonly Dictionary<string, string> Elsewhere = new()
    {
        ["prepare.name"] = "the folder",
        ["prepare.path"] = "the content of what lies there",
        ["prepare.download"] = "the archive is the same wherever it comes from",
        ["prepare.train_count"] = "of drawn images alone",
        ["prepare.test_count"] = "of drawn images alone",
        ["train.name"] = "the folder",
        ["train.threads"] = "a factor of its own, as libtorch's default depends on the machine",
        ["train.cuda_graph"] = "a replayed step gives the same weights",
        ["train.checkpoint_every_seconds"] = "a training that was stopped ends with the same weights",
        ["export.name"] = "the folder",
        ["finetune.name"] = "the folder",
        ["finetune.model"] = "the content of what lies there",
        ["finetune.data"] = "the content of what lies there",
        ["finetune.old_data"] = "the content of what lies there",
        ["finetune.weights"] = "the content of what lies there",
    };

    private static StageContext Anywhere => new() { Name = "stage", DefaultName = "any", Seed = 1, Device = "cpu", Root = "/", RunFolder = "/run" };

    public static TheoryData<string> Kinds => [.. Stages.All.Where(kind => kind.AlwaysRuns is null).Select(kind => kind.Uses)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_option_counts_or_is_listed_with_the_reason(string uses)
    {
        var kind = Stages.All.Single(kind => kind.Uses == uses);
        object[] starts = uses switch
        {
            "prepare" => [new PrepareOptions { Source = DataSource.Folder, Path = "x" }, new PrepareOptions { Source = DataSource.Archive, Path = "x" }],
            "evaluate" => [new EvaluateOptions(), new EvaluateOptions { Tta = Tta.Adaptive }],
            "export" => [new ExportOptions { Variants = ["fp32", "int8"] }, new ExportOptions { Training = ["head"] }],
            // each has options that the others refuse
            "train" =>
            [
                .. from recipe in (string[])["airbench96_faster", "airbench94_muon", "speedrun2026"] select new TrainStageOptions { Recipe = recipe },
                new TrainStageOptions { Backbone = Backbones.Resnet18, Train = TransferPart.LastBlock, Folds = 2 }, new TrainStageOptions { Backbone = "mine.onnx" },
            ],
            _ => [Activator.CreateInstance(kind.OptionsType)!],
        };
        foreach (var field in OptionFields.Of(kind.OptionsType))
        {
            var counts = starts.Any(start => Others(field).Any(value =>
                With(start, field, value) is { } other && !kind.Check(other).Any() && Text(kind, other) != Text(kind, start)));
            var name = $"{uses}.{field.Key}";
            Assert.True(counts != Elsewhere.ContainsKey(name), $"{name}: {(counts ? "counts, and is listed as one that does not" : "changes nothing in the stage's Fingerprint")}");
        }
    }

    [Fact]
    public void Versions_name_what_does_the_work_without_loading_it()
    {
        var train = Stages.All.Single(kind => kind.Uses == "train").Fingerprint(Anywhere, new TrainStageOptions()).Versions;
        Assert.Equal(["Airbench.Core", "Airbench.Training", "TorchSharp", "libtorch"], train.Keys.Order(StringComparer.Ordinal));
        Assert.Matches("^[0-9]+ bytes$", train["libtorch"]);
        Assert.StartsWith($"{Product.Version} build ", train["Airbench.Core"], StringComparison.Ordinal);
        var evaluate = Stages.All.Single(kind => kind.Uses == "evaluate").Fingerprint(Anywhere, new EvaluateOptions()).Versions;
        Assert.StartsWith("1.", evaluate["Microsoft.ML.OnnxRuntime"], StringComparison.Ordinal);
        Assert.Matches("^[0-9]+ bytes$", evaluate["libonnxruntime"]);
    }

    [Fact]
    public void The_recipe_s_own_batch_size_counts_as_a_small_set_is_trained_with_another_unless_it_was_given()
    {
        var train = Stages.All.Single(kind => kind.Uses == "train");
        var given = new TrainStageOptions { Changes = RecipeChanges.None.With("batch_size", 1024) };
        Assert.NotEqual(Text(train, new TrainStageOptions()), Text(train, given));
    }

    [Fact]
    public void An_evaluation_reads_every_file_that_its_options_lead_to()
    {
        using var place = new Workplace();
        Directory.CreateDirectory(place["photos"]);
        Directory.CreateDirectory(place["bundle"]);
        place.With("list.csv", "path,label\nphotos/1.png,cat\nphotos/2.png,dog\n").With("labels.txt", "cat\ndog\n").With("broken.onnx", "no model");
        var options = new EvaluateOptions
        {
            Model = ["fp32", place["bundle"], place["bundle"] + ":int8", place["broken.onnx"], place["missing.onnx"]],
            Data = place["list.csv"],
            Labels = place["labels.txt"],
        };
        Assert.Equal(
            ["list.csv", "photos/1.png", "photos/2.png", "labels.txt", "bundle", "bundle", "broken.onnx", "missing.onnx"],
            EvaluationInputs.Files(options).Select(file => Path.GetRelativePath(place.Folder, file)));
    }

    [Theory]
    [InlineData("0", 0)]
    [InlineData("1500", 1500)]
    [InlineData("20GB", 20_000_000_000)]
    [InlineData("1.5 m", 1_500_000)]
    [InlineData("2tb", 2_000_000_000_000)]
    public void Sizes_are_read_with_their_units(string text, long bytes) => Assert.Equal(bytes, CacheLimit.Parse("--limit", text));

    private static string Text(IStage kind, object options) => Json.Write(Json.ToNode(kind.Fingerprint(Anywhere, options).Settings));

    private static object? With(object options, OptionField field, object? value)
    {
        var copy = options.GetType().GetMethod("<Clone>$", BindingFlags.Public | BindingFlags.Instance)!.Invoke(options, null)!;
        field.Set(copy, value);
        return copy;
    }

    /// <summary>Other values that an option could have.</summary>
    private static IEnumerable<object?> Others(OptionField field) => Others(field.Type is OptionalType optional ? optional.Of : field.Type, field.Key);

    private static IEnumerable<object?> Others(OptionType type, string key) => type switch
    {
        TextType => key == "recipe" ? Recipe.All.Keys.Cast<object>() : ["other", "1/2", "head", "cp437"],
        FlagType => [true, false],
        WholeType whole => ((int[])[1, 2, 3, 7, 15, 33, 64]).Select(number => Convert.ChangeType(number, whole.Clr, System.Globalization.CultureInfo.InvariantCulture)),
        NumberType => [0.0, 0.25, 0.5, 0.75, 1.0, 3.0],
        ChoiceType choice => Enum.GetValues(choice.Clr).Cast<object>(),
        ListType { Item: TextType } => [new[] { "fp32" }, new[] { "first" }, new[] { "model.onnx" }, new[] { "head" }],
        ListType { Item: WholeType } => [new[] { 8, 16, 32 }, new[] { 8, 16, 32, 64 }],
        ListType { Item: NumberType } => [new[] { 0.1, 0.2 }, new[] { 0.1, 0.2, 0.3 }, new[] { 0.5, 4.0, 0.7 }],
        MapType { Item: NumberType } => [new Dictionary<string, double> { ["int8"] = 0.5 }, new Dictionary<string, double> { ["accuracy_min"] = 0.5 }],
        MapType { Item: TextType } => [new Dictionary<string, string> { ["a"] = "b" }],
        GroupType group => group.Fields.SelectMany(field => Others(field).Select(value => With(Activator.CreateInstance(group.Clr)!, field, value))),
        _ => [],
    };
}
