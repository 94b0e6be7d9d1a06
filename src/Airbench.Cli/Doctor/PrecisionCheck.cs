using Airbench.Pipeline;
using Airbench.Training;

namespace Airbench.Cli;

/// <summary>What <c>precision: auto</c> takes on this machine's CPU, with the rates that decide.</summary>
internal static class PrecisionCheck
{
    private const int Classes = 10;   // the head is no part of what is measured

    /// <summary>For airbench94 on CIFAR-10: where no pipeline says what is trained.</summary>
    public static IEnumerable<Finding> OfMachine() => Find("precision of training", new TrainOptions(), imageSize: 32, "auto", Choose);

    /// <summary>For a train stage that leaves the choice to the program.</summary>
    public static IEnumerable<Finding> Of(PipelineStage stage, TrainOptions options, int imageSize, string device, Surroundings here) =>
        Find($"{stage.Key}: precision", options, imageSize, device, here.Choose);

    /// <summary>Measures, once a machine; null on CUDA, and where the training would not start, which other lines explain.</summary>
    public static PrecisionChoice? Choose(TrainOptions options, int imageSize, string device)
    {
        try
        {
            var recipe = options.ToRecipe();
            recipe.Validate();
            var network = recipe.Network(imageSize, Classes, mean: [0, 0, 0], std: [1, 1, 1]);
            network.Validate();
            return ComputeDevice.Resolve(device, options.Precision, () => AutoPrecision.Here.Choose(network, options.Threads, IProgress.Silent)).Choice;
        }
        catch (AirbenchException)
        {
            return null;
        }
    }

    private static IEnumerable<Finding> Find(
        string what, TrainOptions options, int imageSize, string device, Func<TrainOptions, int, string, PrecisionChoice?> choose) =>
        options is { Precision: Precision.Auto } and not TrainStageOptions { Backbone: not null } && choose(options, imageSize, device) is { } choice
            ? [new(what, choice.ToString())]
            : [];
}
