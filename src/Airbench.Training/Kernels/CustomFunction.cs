using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>Calls TorchSharp's custom autograd functions.</summary>
internal static class CustomFunction
{
    /// <summary>
    /// The output of <paramref name="apply"/>, and nothing else that it made: TorchSharp keeps the output a second time until the dispose scope
    /// ends, here a whole training step. A gradient must come to it if one comes to anything.
    /// </summary>
    public static Tensor Apply(Func<Tensor> apply)
    {
        using var scope = NewDisposeScope();
        return apply().MoveToOuterDisposeScope();
    }
}
