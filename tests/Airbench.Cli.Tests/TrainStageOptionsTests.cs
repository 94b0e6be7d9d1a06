using Airbench.Cli;
using Airbench.Onnx;
using Airbench.Training;

namespace Airbench.Tests;

/// <summary>Two ways to train share a stage: what belongs to the other way is refused by name.</summary>
public sealed class TrainStageOptionsTests
{
    [Fact]
    public void What_is_for_a_backbone_is_refused_without_one()
    {
        var options = new TrainStageOptions { Train = TransferPart.All, ClassWeights = ClassWeights.Balanced, Crops = 2, Folds = 5, Repeats = 2, BackboneInput = new BackboneInput { Scale = 1 } };

        Assert.All(
            new[] { "train: ", "class_weights: ", "crops: ", "folds: ", "repeats: ", "backbone_input: " },
            key => Assert.Contains(TrainStageOptions.Check(options), problem => problem.StartsWith(key, StringComparison.Ordinal) && problem.Contains("expected backbone: resnet18", StringComparison.Ordinal)));
        Assert.Empty(TrainStageOptions.Check(new TrainStageOptions()));
    }

    [Theory]
    [InlineData("widths", "is for networks that are trained from scratch")]
    [InlineData("epochs", "expected train: last_block or all beside it")]
    public void What_is_for_recipes_is_refused_with_one(string key, string problem)
    {
        object value = key == "widths" ? new[] { 8, 16, 16 } : 3.0;
        var options = new TrainStageOptions { Backbone = Backbones.Resnet18, Changes = RecipeChanges.None.With(key, value) };

        Assert.Contains(problem, Assert.Single(TrainStageOptions.Check(options)), StringComparison.Ordinal);
    }

    [Fact]
    public void Steps_of_gradient_descent_are_taken_from_the_keys_that_recipes_have()
    {
        var changes = RecipeChanges.None.With("epochs", 3.0).With("batch_size", 8).With("lr", 0.5).With("momentum", 0.5).With("weight_decay", 0.0).With("label_smoothing", 0.2);
        var options = new TrainStageOptions { Backbone = "mine.onnx", Train = TransferPart.LastBlock, Changes = changes };

        Assert.Empty(TrainStageOptions.Check(options));
        var transfer = options.ToTransfer("/root");
        Assert.Equal(Path.Combine("/root", "mine.onnx"), transfer.Backbone);
        Assert.Equal((3.0, 8, 0.5, 0.5, 0.0, 0.2), (transfer.Steps.Epochs, transfer.Steps.BatchSize, transfer.Steps.Lr, transfer.Steps.Momentum, transfer.Steps.WeightDecay, transfer.Steps.LabelSmoothing));
    }

    [Theory]
    [InlineData(null, TransferPart.Head, false, Tta.Mirror)]
    [InlineData(null, TransferPart.LastBlock, true, Tta.Mirror)]
    [InlineData(Flip.Alternating, TransferPart.Head, true, Tta.Mirror)]
    [InlineData(Flip.None, TransferPart.All, false, Tta.None)]
    public void Mirror_images_are_learned_and_asked_as_flip_says(Flip? flip, TransferPart part, bool learned, Tta asked)
    {
        var options = new TrainStageOptions { Backbone = Backbones.Resnet18, Train = part, Changes = RecipeChanges.None.With("flip", flip) };

        var transfer = options.ToTransfer("/");

        Assert.Equal((learned, asked), (transfer.Mirror, transfer.Tta));
    }

    [Fact]
    public void What_contradicts_itself_is_refused()
    {
        Problem("recipe: airbench96, with a backbone", new TrainStageOptions { Backbone = Backbones.Resnet18, Recipe = "airbench96" });
        Problem("runs: 2, with a backbone", new TrainStageOptions { Backbone = Backbones.Resnet18, Runs = 2 });
        Problem("precision: does nothing with a backbone", new TrainStageOptions { Backbone = Backbones.Resnet18, Precision = Precision.Bf16 });
        Problem("kernels: does nothing with a backbone", new TrainStageOptions { Backbone = Backbones.Resnet18, Kernels = Kernels.Own });
        Problem("cuda_graph: does nothing with a backbone", new TrainStageOptions { Backbone = Backbones.Resnet18, CudaGraph = false });
        Problem("validate_every: does nothing with a backbone", new TrainStageOptions { Backbone = Backbones.Resnet18, ValidateEvery = 2 });
        Problem("checkpoint_every_seconds: does nothing with a backbone", new TrainStageOptions { Backbone = Backbones.Resnet18, CheckpointEverySeconds = 0 });
        Problem("folds: 1; expected 0, or 2 or more", new TrainStageOptions { Backbone = Backbones.Resnet18, Folds = 1 });
        Problem("repeats: 3, without a cross-validation", new TrainStageOptions { Backbone = Backbones.Resnet18, Repeats = 3 });
        Problem("backbone: empty", new TrainStageOptions { Backbone = "" });
        Problem("backbone_input: is given, but the input of this backbone is known", new TrainStageOptions { Backbone = Backbones.Resnet18, BackboneInput = new BackboneInput { Scale = 1 } });
        Problem("backbone_input.std: [1, 0, 1]", new TrainStageOptions { Backbone = "mine.onnx", BackboneInput = new BackboneInput { Std = [1, 0, 1] } });

        static void Problem(string expected, TrainStageOptions options) =>
            Assert.Contains(TrainStageOptions.Check(options), problem => problem.StartsWith(expected, StringComparison.Ordinal));
    }
}
