using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>
/// Lets go of the gradients that the custom functions of a pass are given and return; TorchSharp keeps them until the dispose scope ends, here a
/// whole training step. Autograd holds on its own what it still needs.
/// </summary>
/// <remarks>Not bound to a thread: on CUDA the functions run on one of autograd's own, one after the other, while the caller waits.</remarks>
internal sealed class ReturnedGradients : IDisposable
{
    private IReadOnlyList<Tensor?> _last = [];   // of the last backward function

    /// <summary>What a backward function is to return. Autograd takes it only after the call, so it is let go of at the next such call.</summary>
    /// <param name="incoming">Disposed of.</param>
    /// <param name="outgoing">A gradient for each argument of the function, null for what is no tensor.</param>
    public List<Tensor> Return(Tensor incoming, params IReadOnlyList<Tensor?> outgoing)
    {
        incoming.Dispose();
        Dispose();
        foreach (var gradient in outgoing)
        {
            gradient?.DetachFromDisposeScope();
        }
        _last = outgoing;
        return [.. outgoing.Select(gradient => gradient!)];   // TorchSharp takes nulls
    }

    /// <summary>Lets go of what the last backward function returned.</summary>
    public void Dispose()
    {
        foreach (var gradient in _last)
        {
            gradient?.Dispose();
        }
        _last = [];
    }
}
