using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>Work for a device, recorded once.</summary>
internal interface IGraph : IDisposable
{
    /// <summary>Does the work; nothing waits for the device.</summary>
    void Replay();
}

/// <summary>Records work for a device: <see cref="CudaGraphs"/>.</summary>
internal interface IGraphs
{
    /// <summary>From here to the disposal all work of this thread is such that it can be recorded.</summary>
    IDisposable Enter();

    /// <summary>Records what <paramref name="work"/> asks of the device, instead of doing it.</summary>
    /// <param name="work">
    /// Has been done a few times, so that all that happens once has happened. It must not wait for the device. Returns the tensors that a
    /// replay writes to, which are the caller's.
    /// </param>
    /// <param name="what">For people.</param>
    /// <returns>Null where it cannot be recorded: then nothing was done.</returns>
    IGraph? Capture(Func<Tensor[]> work, string what);
}

/// <summary>What the forward and the backward pass of a step find.</summary>
/// <param name="Loss">A number.</param>
/// <param name="Logits">fp32 (B, K).</param>
/// <param name="Gradients">Of the parameters under training, in their order.</param>
internal sealed record Passes(Tensor Loss, Tensor Logits, Tensor[] Gradients);

/// <summary>The forward and the backward pass of a step as one piece of work for the GPU instead of more than a hundred, each of which the host would have to start.</summary>
/// <remarks>
/// The first steps of each kind (size of the images, parameters under training) are done as ever, then one is recorded, and from then on it
/// is replayed: it reads and writes the same addresses each time, so batches are copied to fixed tensors, and what it finds is in fixed
/// tensors until the next step. Weights and running statistics are updated in place.
/// </remarks>
internal sealed class StepGraph(IGraphs graphs) : IDisposable
{
    private const int WarmUpSteps = 3;   // as PyTorch does: autotuning, workspaces and first loads are no part of a graph

    private (long Images, long Height, long Width, ScalarType Type, int Parameters)? _kind;
    private int _done;   // steps of this kind, before the recording
    private bool _isRefused;
    private Recording? _recording;

    private sealed record Recording(IGraph Graph, Tensor Images, Tensor Labels, Passes Found) : IDisposable
    {
        public void Dispose()
        {
            Graph.Dispose();   // waits for the device
            foreach (var tensor in (Tensor[])[Images, Labels, Found.Loss, Found.Logits, .. Found.Gradients])
            {
                tensor.Dispose();
            }
        }
    }

    /// <summary>The passes of a step.</summary>
    /// <param name="images">The batch (B, 3, S, S).</param>
    /// <param name="labels">int64 (B).</param>
    /// <param name="parameters">How many are under training: others if fewer.</param>
    /// <param name="passes">Does both passes on the tensors that it is given; the same for all steps.</param>
    /// <returns>Good until the next step, and the caller's to overwrite.</returns>
    public Passes Run(Tensor images, Tensor labels, int parameters, Func<Tensor, Tensor, Passes> passes)
    {
        var shape = images.shape;
        var kind = (shape[0], shape[2], shape[3], images.dtype, parameters);
        if (_kind != kind)
        {
            Dispose();
            (_kind, _done) = (kind, 0);
        }
        if (_recording is null)
        {
            if (_isRefused || _done++ < WarmUpSteps)
            {
                return passes(images, labels);
            }
            _recording = Record(images, labels, $"batch {shape[0]} at {shape[2]} px, {parameters} parameters", passes);
            if (_recording is null)
            {
                _isRefused = true;
                return passes(images, labels);
            }
        }
        else
        {
            using var noGradients = no_grad();
            _recording.Images.copy_(images);
            _recording.Labels.copy_(labels);
        }
        _recording.Graph.Replay();
        return _recording.Found;
    }

    public void Dispose()
    {
        _recording?.Dispose();
        _recording = null;
    }

    private Recording? Record(Tensor images, Tensor labels, string what, Func<Tensor, Tensor, Passes> passes)
    {
        var (fixedImages, fixedLabels) = (images.detach().clone().DetachFromDisposeScope(), labels.clone().DetachFromDisposeScope());   // strides too
        Passes? found = null;
        var graph = graphs.Capture(
            () =>
            {
                using var scope = NewDisposeScope();
                var (loss, logits, gradients) = passes(fixedImages, fixedLabels);
                var passed = new Passes(
                    loss.detach().DetachFromDisposeScope(), logits.detach().DetachFromDisposeScope(),
                    [.. gradients.Select(gradient => gradient.detach().DetachFromDisposeScope())]);
                found ??= passed;   // the work may be done again
                return [passed.Loss, passed.Logits, .. passed.Gradients];
            },
            what);
        if (graph is not null)
        {
            return new Recording(graph, fixedImages, fixedLabels, found!);
        }
        fixedImages.Dispose();
        fixedLabels.Dispose();
        return null;
    }
}
