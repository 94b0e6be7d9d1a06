using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>What a step was about.</summary>
/// <param name="Loss">Summed over the batch.</param>
/// <param name="Logits">fp32 (B, K).</param>
/// <param name="Labels">int64 (B).</param>
internal readonly record struct StepResult(Tensor Loss, Tensor Logits, Tensor Labels);

/// <summary>A network under training, with everything that changes from step to step.</summary>
internal sealed class Learner : IDisposable
{
    private readonly TrainingPlan _plan;
    private readonly ScalarType _type;
    private readonly CudaKernels? _kernels;
    private readonly Network _network;
    private readonly Tensor? _chosen;
    private readonly bool _drawsAhead;
    private readonly EpochSampler _sampler;
    private readonly NetworkOptimizer _optimizer;
    private readonly Lookahead? _slow;
    private readonly StepGraph? _graph;

    /// <summary>Whitens the fresh network and makes it ready for step 0.</summary>
    /// <param name="setup">Plan, training images and device.</param>
    /// <param name="network">The caller's.</param>
    /// <param name="generator">Draws order and augmentation.</param>
    /// <param name="chosen">int64 (steps, kept): positions in each batch to learn from; null for all. The caller's.</param>
    /// <param name="isSteady">Whether the loss is the same function of logits and labels in every step, so that a step can be recorded.</param>
    public Learner(TrainingSetup setup, Network network, Generator generator, Tensor? chosen = null, bool isSteady = false)
    {
        _graph = isSteady && setup.Device.Graphs is { } graphs ? new StepGraph(graphs) : null;
        (_plan, _type, _network, _chosen, _kernels) = (setup.Plan, setup.Device.ComputeType, network, chosen, setup.Device.Kernels);
        _drawsAhead = setup.Device.IsCuda;
        _sampler = new EpochSampler(setup.Train, setup.Recipe, generator, setup.Device.Abilities.CopiesFromPinnedMemory);
        Whitening.Start(network, setup.Train, setup.Recipe);
        _optimizer = new NetworkOptimizer(network, setup.Plan);
        _slow = setup.Recipe.Lookahead || setup.Recipe.TailAverage is not null ? new Lookahead(network.Tensors.Values) : null;
    }

    /// <summary>All that a later step depends on, by name, for a checkpoint within an epoch.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> State =>
    [
        .. _network.Tensors.Select(tensor => (tensor.Key, tensor.Value)), .. _optimizer.State, .. _sampler.State, .. Slow,
        .. _chosen is null ? [] : new[] { ("chosen", _chosen) },
    ];

    private IEnumerable<(string Name, Tensor Tensor)> Slow => _network.Tensors.Keys.Zip(_slow?.Slow ?? [], (name, slow) => ($"{name}.slow", slow));

    /// <summary>Goes on with the order and the augmentation of epoch <paramref name="epoch"/> (from 0).</summary>
    public void BeginEpoch(int epoch) => _sampler.Begin(epoch);

    /// <summary>Forward, backward and update on the next batch; the result is in the caller's dispose scope.</summary>
    /// <param name="step">From 0.</param>
    /// <param name="lossOf">The loss, a number, of logits and labels.</param>
    /// <param name="learns">Whether there is an update; without one only the batch-norm statistics move, and no gradients are kept.</param>
    public StepResult Step(int step, Func<Tensor, Tensor, Tensor> lossOf, bool learns = true)
    {
        using var gradients = learns ? null : no_grad();
        _optimizer.FreezeWhiten(step);
        var (batch, count) = (step % _plan.StepsPerEpoch, _plan.Recipe.BatchSize);
        var (images, labels) = _sampler.Batch(batch * count, count, _type, _chosen?[step]);
        var (loss, logits, found) = learns && _graph is not null
            ? _graph.Run(images, labels, _optimizer.Parameters.Count, (fixedImages, fixedLabels) => Passes(fixedImages, fixedLabels, lossOf, learns))
            : Passes(images, labels, lossOf, learns);
        if (learns)
        {
            _optimizer.Step(found, step);
        }
        if (_plan.SlowDecay(step + 1) is { } decay)
        {
            _slow!.Update(decay);
        }
        if (step + 1 == _plan.TotalSteps && _plan.Recipe.Lookahead)
        {
            _slow!.Update(1);   // ends on the slow weights
        }
        if (_drawsAhead && batch == _plan.StepsPerEpoch / 2 && _plan.EndOf(step / _plan.StepsPerEpoch) < _plan.TotalSteps)
        {
            _sampler.DrawAhead((step / _plan.StepsPerEpoch) + 1);   // by now the GPU has steps in its queue to work on meanwhile
        }
        return new StepResult(loss, logits, labels);
    }

    /// <summary>Puts everything back to where the checkpoint found it.</summary>
    /// <param name="checkpoint">Has the <see cref="State"/>.</param>
    /// <param name="step">Steps done; before the next one its epoch begins again.</param>
    public void Restore(Checkpoint checkpoint, int step)
    {
        using var scope = NewDisposeScope();
        _optimizer.FreezeWhiten(step);   // what is frozen has no state
        foreach (var (name, tensor) in _network.Tensors.Select(tensor => (tensor.Key, tensor.Value)).Concat(Slow).Concat(_optimizer.State))
        {
            checkpoint.Restore(name, tensor);
        }
        _sampler.Restore(checkpoint.Find("sampler.first_flips")!, checkpoint.Find("sampler.generator")!);
    }

    public void Dispose()
    {
        _graph?.Dispose();
        _sampler.Dispose();
        _optimizer.Dispose();
        _slow?.Dispose();
    }

    private Passes Passes(Tensor images, Tensor labels, Func<Tensor, Tensor, Tensor> lossOf, bool learns)
    {
        using var pass = new BackwardPass(_kernels);
        var logits = _network.Forward(images, training: true, learns ? pass : null);
        var loss = lossOf(logits, labels);
        return new Passes(loss, logits, learns ? pass.Of(loss, _optimizer.Parameters) : []);
    }
}
