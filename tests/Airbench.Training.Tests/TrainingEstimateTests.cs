using Airbench.Training;

namespace Airbench.Tests;

/// <summary>How long a training will take, from two measured steps.</summary>
public sealed class TrainingEstimateTests
{
    private static readonly Recipe Recipe = Recipe.All["airbench94"] with { Epochs = 4, BatchSize = 100 };

    private static NetworkSpec Spec => Recipe.Network(32, 10, [0.5, 0.5, 0.5], [0.25, 0.25, 0.25]);

    [Fact]
    public void Steps_cost_what_they_cost_in_any_case_and_for_each_image()
    {
        // 0.5 s a step and 0.01 s an image: 40 steps, 4,000 images of training, 3 x 100 images of forward passes in place of one of training.
        var options = new TrainOptions { ValidateEvery = 1 };
        var estimate = TrainingEstimate.From(0.5 + (32 * 0.01), 0.5 + (128 * 0.01), Recipe, Spec, options, trainCount: 1000, testCount: 300);
        Assert.Equal((40 * 0.5) + (4000 * 0.01) + (4 * 100 * 0.01), 4 * estimate.EpochSeconds, 6);
        Assert.Equal((4 * estimate.EpochSeconds) + (12 * 100 * 0.01), estimate.TotalSeconds, 6);
    }

    [Fact]
    public void Runs_multiply_and_validation_can_be_off()
    {
        var once = TrainingEstimate.From(0.1, 0.2, Recipe, Spec, new TrainOptions { ValidateEvery = 0 }, 1000, 300);
        var thrice = TrainingEstimate.From(0.1, 0.2, Recipe, Spec, new TrainOptions { ValidateEvery = 0, Runs = 3 }, 1000, 300);
        Assert.Equal(3 * once.TotalSeconds, thrice.TotalSeconds, 9);
        Assert.True(once.TotalSeconds < TrainingEstimate.From(0.1, 0.2, Recipe, Spec, new TrainOptions(), 1000, 300).TotalSeconds);
    }

    [Fact]
    public void A_clock_that_ran_backwards_gives_no_negative_time() =>
        Assert.True(TrainingEstimate.From(0.2, 0.1, Recipe, Spec, new TrainOptions(), 1000, 300) is { EpochSeconds: > 0, TotalSeconds: > 0 });

    [Theory]
    [InlineData("airbench94")]
    [InlineData("airbench96_faster")]
    [InlineData("speedrun2026")]
    public void The_steps_of_every_kind_of_recipe_can_be_measured(string recipe)
    {
        var options = new TrainOptions { Recipe = recipe, Precision = Precision.Fp32, Threads = 2 }.Changing(r => r with { Widths = [16, 16, 16] });
        var estimate = TrainingEstimate.Of(options, imageSize: 32, classCount: 3, trainCount: 500, testCount: 100, "cpu");
        Assert.True(double.IsFinite(estimate.TotalSeconds) && estimate.TotalSeconds > 0);
    }
}
