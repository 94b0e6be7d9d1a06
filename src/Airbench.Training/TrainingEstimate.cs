using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Training;

/// <summary>About how long a training will take on this machine, from a few of its own steps on images of noise.</summary>
/// <param name="EpochSeconds">An epoch, validation included, on average.</param>
/// <param name="TotalSeconds">All runs, with the scores at their end.</param>
public sealed record TrainingEstimate(double EpochSeconds, double TotalSeconds)
{
    private const int SmallBatch = 32;
    private const int LargeBatch = 128;
    private const int MeasuredSteps = 2;

    /// <summary>Views of a test image after the last step: those that vote in the training's precision, and again in fp32.</summary>
    private const int FinalViews = 12;

    /// <summary>
    /// Trains batches of two sizes for a moment (a second or two on a CPU): what a step costs in any case, and for each image. The whole
    /// follows from the number of operations.
    /// </summary>
    /// <param name="options">Recipe, changes, precision, runs.</param>
    /// <param name="imageSize">Height and width, pixels.</param>
    /// <param name="classCount">Classes.</param>
    /// <param name="trainCount">Training images.</param>
    /// <param name="testCount">Test images.</param>
    /// <param name="deviceName">auto, cpu, cuda or cuda:N.</param>
    /// <exception cref="DeviceException">The device is not there.</exception>
    /// <exception cref="ConfigurationException">The recipe does not fit the images.</exception>
    public static TrainingEstimate Of(TrainOptions options, int imageSize, int classCount, int trainCount, int testCount, string deviceName)
    {
        TorchRuntime.LoadWith(options.Threads);
        var recipe = BatchFit.Apply(options.ToRecipe(), trainCount, imageSize, options.Changes.ContainsKey("batch_size"), IProgress.Silent);
        recipe.Validate();
        var spec = recipe.Network(imageSize, classCount, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25]);
        spec.Validate();
        var device = ComputeDevice.Resolve(deviceName, options.Precision, () => AutoPrecision.Here.Choose(spec, options.Threads, IProgress.Silent));
        var (small, large) = (StepSeconds(recipe, spec, SmallBatch, device), StepSeconds(recipe, spec, LargeBatch, device));
        return From(small, large, recipe, spec, options, trainCount, testCount);
    }

    /// <summary>What follows from the seconds of a step with <see cref="SmallBatch"/> and with <see cref="LargeBatch"/> images.</summary>
    internal static TrainingEstimate From(double small, double large, Recipe recipe, NetworkSpec spec, TrainOptions options, int trainCount, int testCount)
    {
        var image = Math.Max(0, large - small) / (LargeBatch - SmallBatch);
        var step = Math.Max(0, small - (SmallBatch * image));
        var passes = recipe.TrainingFlops(spec, trainCount) / (3.0 * spec.ForwardFlops());   // forward and backward, of one image in full size
        var validations = options.ValidateEvery > 0 ? recipe.Epochs / options.ValidateEvery : 0;
        var run = (step * recipe.Steps(trainCount)) + (image * (passes + (testCount * validations / 3)));
        return new(run / recipe.Epochs, options.Runs * (run + (image * testCount * FinalViews / 3)));
    }

    /// <summary>The fastest of a few steps after one that warms up.</summary>
    private static double StepSeconds(Recipe recipe, NetworkSpec spec, int batchSize, ComputeDevice device)
    {
        using var scope = NewDisposeScope();
        recipe = recipe with { BatchSize = batchSize, Proxy = null, Resolutions = null, Epochs = MeasuredSteps + 1 };
        using var generator = new Generator(1UL, CPU);
        using var setup = TrainingSetup.OfNoise(TrainingPlan.For(recipe, batchSize), spec, device, generator);
        using var network = Network.Create(spec, recipe, device, generator);
        using var learner = new Learner(setup, network, generator);
        var best = double.PositiveInfinity;
        for (var step = 0; step <= MeasuredSteps; step++)
        {
            learner.BeginEpoch(step);
            device.Synchronize();
            var clock = Stopwatch.StartNew();
            using (NewDisposeScope())
            {
                learner.Step(step, (logits, labels) => F.cross_entropy(logits, labels, reduction: nn.Reduction.Sum));
                device.Synchronize();
            }
            best = step == 0 ? best : Math.Min(best, clock.Elapsed.TotalSeconds);
        }
        return best;
    }
}
