using Airbench.Cli;
using Airbench.Pipeline;
using Airbench.Training;

namespace Airbench.Tests;

/// <summary>A model stays when <c>precision: auto</c> comes out otherwise now; <c>plan</c> and <c>run</c> say so.</summary>
public sealed class ChangedPrecisionTests
{
    /// <summary>Too narrow to be measured: what auto takes for it follows from the processor alone.</summary>
    private static readonly TrainStageOptions Narrow = new() { Changes = RecipeChanges.None.With("widths", new[] { 4, 8, 8 }) };

    private static readonly NetworkSpec Network = Narrow.ToRecipe().Network(32, 10, [0, 0, 0], [1, 1, 1]);

    private static PrecisionChoice Now => AutoPrecision.Here.Known(Network, 0)!;

    private static string Other => Now.Name == "bf16" ? "fp32" : "bf16";

    [Fact]
    public void A_model_in_the_other_arithmetic_is_named_with_what_auto_takes_now_and_why() =>
        Assert.Equal($"the model there is in {Other}, and precision: auto takes {Now.Name}: {Now.Reason}", Change(Narrow, Model(Other)));

    [Fact]
    public void Nothing_is_said_where_nothing_changed_or_nothing_is_chosen()
    {
        Assert.Null(Change(Narrow, Model(Now.Name)));
        Assert.Null(Change(Narrow with { Precision = Precision.Bf16 }, Model(Other)));
        Assert.Null(Change(Narrow, Model(Other) with { Device = "cuda:0 NVIDIA H100" }));
        Assert.Null(Change(Narrow, Model(Other), "cuda"));
        Assert.Null(Change(Narrow with { Backbone = "resnet18" }, Model(Other)));
    }

    [Fact]
    public void Of_a_network_that_was_never_measured_nothing_is_known_and_nothing_said()
    {
        var wide = Narrow with { Changes = RecipeChanges.None.With("widths", new[] { 48, 80, 112 }) };   // in no other test
        Assert.SkipWhen(AutoPrecision.Here.Known(wide.ToRecipe().Network(32, 10, [0, 0, 0], [1, 1, 1]), 0) is not null, "here the processor alone decides");
        Assert.Null(Change(wide, Model("bf16")));
        Assert.Null(Change(wide, Model("fp32")));
    }

    private static string? Change(TrainStageOptions options, ModelManifest model, string device = "cpu") =>
        ((IStage)new TrainStage()).ChangedChoice(
            new StageContext { Name = "train", DefaultName = "any", Seed = 1, Device = device, Root = "/", RunFolder = "/run" }, options, new TrainedModel("/models/any", model));

    private static ModelManifest Model(string precision) => new()
    {
        Name = "any",
        Network = Network,
        Recipe = Narrow.ToRecipe(),
        Classes = [.. Enumerable.Range(0, 10).Select(k => $"{k}")],
        Seed = 1,
        Device = "cpu",
        Precision = precision,
        Threads = 1,
        DatasetName = "any",
        DatasetSha256 = "",
        Synthetic = true,
        WeightsSha256 = "",
        Runs = [],
        AccuracyTta = Summary.Of([0.5]),
        Fp32 = new Fp32Score(1, 1, 1, Tta.None),
        Versions = new Dictionary<string, string>(),
    };
}
