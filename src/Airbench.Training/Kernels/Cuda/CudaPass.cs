using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>What the functions of a forward and backward pass keep between the two.</summary>
/// <remarks>
/// On CUDA the backward functions run on a thread of autograd's own, one after the other, while the caller waits: nothing here is
/// bound to a thread, and an exception must not leave such a function.
/// </remarks>
internal sealed class CudaPass(CudaKernels kernels, ReturnedGradients returned) : IDisposable
{
    private readonly List<IDisposable> _kept = [];
    private Exception? _failure;

    public CudaKernels Kernels => kernels;

    /// <summary>Keeps what a backward function needs: past the dispose scope, and at most until the end of the pass.</summary>
    public T Keep<T>(T kept, params Tensor?[] tensors)
        where T : IDisposable
    {
        foreach (var tensor in tensors)
        {
            tensor?.DetachFromDisposeScope();
        }
        _kept.Add(kept);
        return kept;
    }

    /// <summary>The gradients that a backward function returns.</summary>
    /// <param name="incoming">(N, C, H, W); disposed of.</param>
    /// <param name="count">Arguments of the function; those without a gradient come last.</param>
    /// <param name="gradients">From the gradient that comes in, (N, H, W, C), to those that go out.</param>
    public List<Tensor> Backward(Tensor incoming, int count, Func<Tensor, Tensor[]> gradients)
    {
        try
        {
            using var scope = NewDisposeScope();
            using var noGradients = no_grad();
            var outgoing = gradients(ChannelsLast.Pixels(incoming.detach()));
            return returned.Return(incoming, [.. outgoing, .. Enumerable.Repeat<Tensor?>(null, count - outgoing.Length)]);
        }
        catch (Exception e)
        {
            _failure ??= e;
            return [.. Enumerable.Repeat<Tensor>(null!, count)];
        }
    }

    /// <summary>After the backward pass.</summary>
    /// <exception cref="DeviceException">One of its functions failed.</exception>
    public void Check()
    {
        if (_failure is { } failure)
        {
            throw new DeviceException($"a kernel of ours failed in the backward pass: {failure.Message}; kernels: libtorch does without", failure);
        }
    }

    public void Dispose()
    {
        foreach (var kept in _kept)
        {
            kept.Dispose();
        }
        _kept.Clear();
    }
}
