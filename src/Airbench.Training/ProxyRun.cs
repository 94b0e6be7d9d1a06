using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Training;

/// <summary>
/// The training of the small network that chooses the examples of <c>airbench96_faster</c> (recipes.md): same batches, same
/// hyperparameters; at every step the examples with the highest losses are noted, and every few steps it learns from them.
/// </summary>
internal static class ProxyRun
{
    /// <summary>int64 (steps, kept), ascending in each row: the positions in each batch that the large network trains on.</summary>
    /// <param name="setup">Of the large network.</param>
    /// <param name="state">State of the generator from which the large network's sampler will draw the same batches.</param>
    /// <param name="seed">Of the proxy's own initial weights.</param>
    /// <param name="report">Told each step's number.</param>
    /// <param name="cancel">Answered within a step.</param>
    public static Tensor ChooseExamples(TrainingSetup setup, Tensor state, int seed, Action<int> report, CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        var (plan, recipe, proxy, spec) = (setup.Plan, setup.Recipe, setup.Recipe.Proxy!, setup.Spec);
        var kept = Math.Max(1, (int)(proxy.Keep * recipe.BatchSize));
        using var weights = new Generator((ulong)seed, CPU);
        using var batches = new Generator(0UL, CPU);
        batches.set_state(state);
        var small = (recipe with { Widths = proxy.Widths, Depth = proxy.Depth }).Network(spec.ImageSize, spec.ClassCount, spec.Mean, spec.Std);
        using var network = Network.Create(small, recipe, setup.Device, weights);
        using var learner = new Learner(setup, network, batches);
        var chosen = zeros([plan.TotalSteps, kept], ScalarType.Int64, setup.Device.Device);
        for (var step = 0; step < plan.TotalSteps; step++)
        {
            cancel.ThrowIfCancellationRequested();
            if (step % plan.StepsPerEpoch == 0)
            {
                learner.BeginEpoch(step / plan.StepsPerEpoch);
            }
            using var inner = NewDisposeScope();
            var row = chosen[step];
            learner.Step(step, (logits, labels) => LossOfHardest(logits, labels, row), learns: step % proxy.BackwardEvery == 0);
            report(step + 1);
        }
        return chosen.MoveToOuterDisposeScope();

        Tensor LossOfHardest(Tensor logits, Tensor labels, Tensor row)
        {
            var losses = F.cross_entropy(logits, labels, reduction: nn.Reduction.None, label_smoothing: recipe.LabelSmoothing);
            var hardest = losses.detach().topk(kept, 0).indexes.sort(0).Values;
            row.copy_(hardest);
            return losses.index_select(0, hardest).sum();
        }
    }
}
