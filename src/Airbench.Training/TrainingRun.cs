using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Training;

/// <summary>Trains one network by a recipe: this is the loop, <see cref="Learner.Step"/> what it does.</summary>
internal static class TrainingRun
{
    /// <summary>Runs the whole recipe, or the rest of it from the log's checkpoint; the caller owns the network that comes back.</summary>
    /// <param name="setup">Recipe, data and device.</param>
    /// <param name="seed">Of the initial weights, the order and the augmentation.</param>
    /// <param name="log">Has the runs before this one; gains its rows of the curve and its checkpoints, the result is the caller's to add.</param>
    /// <param name="progress">Told of every step.</param>
    /// <param name="cancel">Answered within a step, after a checkpoint.</param>
    /// <exception cref="DivergedException">The loss is not finite.</exception>
    public static (Network Network, RunResult Result) Train(
        TrainingSetup setup, int seed, TrainingLog log, IProgressTask progress, CancellationToken cancel)
    {
        var (plan, recipe) = (setup.Plan, setup.Recipe);
        using var recordable = setup.Device.Graphs?.Enter();
        using var generator = new Generator((ulong)seed, CPU);
        var network = Network.Create(setup.Spec, recipe, setup.Device, generator);
        try
        {
            using var recorder = RunRecorder.Start(setup, log, progress);
            using var chosen = recipe.Proxy is null ? null : recorder.Found("chosen") ?? ProxyRun.ChooseExamples(
                setup, generator.get_state(), seed, recorder.ReportProxy, cancel);
            using var learner = new Learner(setup, network, generator, chosen, isSteady: true);
            var step = recorder.Resume(learner);
            for (var epoch = step / plan.StepsPerEpoch; step < plan.TotalSteps; epoch++)
            {
                learner.BeginEpoch(epoch);
                for (var end = plan.EndOf(epoch); step < end; step++)
                {
                    recorder.SaveIfDue(step, learner, cancel);
                    cancel.ThrowIfCancellationRequested();
                    using var scope = NewDisposeScope();
                    recorder.Add(step, learner.Step(step, Loss));
                }
                recorder.EndEpoch(step, network, cancel);
            }
            var (plain, tta) = Scorer.CountCorrect(network, setup.Test, recipe.Tta, setup.Device.ComputeType, cancel, report: recorder.ReportScore);   // item(): the device is done
            return (network, recorder.Finish(seed, plain, tta));
        }
        catch
        {
            network.Dispose();
            throw;
        }

        Tensor Loss(Tensor logits, Tensor labels) =>
            F.cross_entropy(logits, labels, reduction: nn.Reduction.Sum, label_smoothing: recipe.LabelSmoothing);
    }
}
