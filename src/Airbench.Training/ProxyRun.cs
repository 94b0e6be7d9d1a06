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
    /// <param name="plan">Plan of the large network.</param>
    /// <param name="spec">The large network.</param>
    /// <param name="train">Training images.</param>
    /// <param name="state">State of the generator from which the large network's sampler will draw the same batches.</param>
    /// <param name="seed">Of the proxy's own initial weights.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="report">Told each step's number.</param>
    /// <param name="cancel">Answered within a step.</param>
    public static Tensor ChooseExamples(
        TrainingPlan plan, NetworkSpec spec, DeviceImages train, Tensor state, int seed, ComputeDevice device, Action<int> report,
        CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        var (recipe, proxy) = (plan.Recipe, plan.Recipe.Proxy!);
        var kept = Math.Max(1, (int)(proxy.Keep * recipe.BatchSize));
        using var weights = new Generator((ulong)seed, CPU);
        using var batches = new Generator(0UL, CPU);
        batches.set_state(state);
        var small = (recipe with { Widths = proxy.Widths, Depth = proxy.Depth }).Network(spec.ImageSize, spec.ClassCount, spec.Mean, spec.Std);
        using var network = Network.Create(small, recipe, device, weights);
        using var sampler = new EpochSampler(train, recipe, batches);
        Whitening.Start(network, train, recipe);
        using var optimizer = new NetworkOptimizer(network, plan);
        using var lookahead = recipe.Lookahead ? new Lookahead(network.Tensors.Values) : null;
        var chosen = zeros([plan.TotalSteps, kept], ScalarType.Int64, device.Device);
        for (var step = 0; step < plan.TotalSteps; step++)
        {
            cancel.ThrowIfCancellationRequested();
            var (epoch, batch) = Math.DivRem(step, plan.StepsPerEpoch);
            if (batch == 0)
            {
                sampler.Begin(epoch);
            }
            using var inner = NewDisposeScope();
            optimizer.FreezeWhiten(step);
            var (images, labels) = sampler.Batch(batch * recipe.BatchSize, recipe.BatchSize, device.ComputeType);
            var learns = step % proxy.BackwardEvery == 0;
            using var gradients = learns ? null : no_grad();
            using var pass = new BackwardPass();
            var logits = network.Forward(images, training: true, learns ? pass : null);
            var losses = F.cross_entropy(logits, labels, reduction: nn.Reduction.None, label_smoothing: recipe.LabelSmoothing);
            var hardest = losses.detach().topk(kept, 0).indexes.sort(0).Values;
            chosen[step].copy_(hardest);
            if (learns)
            {
                optimizer.Step(pass.Of(losses.index_select(0, hardest).sum(), optimizer.Parameters), step);
            }
            if ((step + 1) % Lookahead.Interval == 0)
            {
                lookahead?.Update(Lookahead.Decay(step + 1, plan.TotalSteps));
            }
            report(step + 1);
        }
        return chosen.MoveToOuterDisposeScope();
    }
}
