using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>
/// Lets go of what TorchSharp's custom autograd functions keep until the dispose scope ends, here a whole training step: the output (twice),
/// the gradient that comes in, and those that go out. Autograd holds on its own what it still needs.
/// </summary>
internal static class CustomFunction
{
    [ThreadStatic]
    private static List<Tensor?>? _returned;   // by the last backward function

    /// <summary>The output of <paramref name="apply"/>, and nothing else that it made. A gradient must come to it if one comes to anything.</summary>
    public static Tensor Apply(Func<Tensor> apply)
    {
        using var scope = NewDisposeScope();
        return apply().MoveToOuterDisposeScope();
    }

    /// <summary>What a backward function is to return. Autograd takes it only after the call, so it is let go of at the next such call.</summary>
    /// <param name="incoming">Disposed of.</param>
    /// <param name="outgoing">A gradient for each argument of the function, null for what is no tensor.</param>
    public static List<Tensor> Return(Tensor incoming, params List<Tensor?> outgoing)
    {
        incoming.Dispose();
        LetGo();
        foreach (var gradient in outgoing)
        {
            gradient?.MoveToOuterDisposeScope();
        }
        _returned = outgoing;
        return outgoing!;
    }

    /// <summary>Lets go of what the last backward function returned.</summary>
    public static void LetGo()
    {
        foreach (var gradient in _returned ?? [])
        {
            gradient?.Dispose();
        }
        _returned = null;
    }
}
