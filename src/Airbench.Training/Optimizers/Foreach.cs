using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>
/// Updates of whole lists of tensors in a few operations: on a GPU a few kernel launches where one tensor after the other would take
/// hundreds. TorchSharp has no binding for <c>torch._foreach_*</c>; TorchScript reaches them (its parser wants a
/// line break at the end).
/// </summary>
internal static class Foreach
{
    private static readonly Lazy<jit.CompilationUnit> NesterovUnit = new(() => jit.compile(
        """
        def f(params: List[Tensor], grads: List[Tensor], velocities: List[Tensor], decay: float, momentum: float, lr: float):
            torch._foreach_add_(grads, params, alpha=decay)
            torch._foreach_mul_(velocities, momentum)
            torch._foreach_add_(velocities, grads)
            torch._foreach_add_(grads, velocities, alpha=momentum)
            torch._foreach_add_(params, grads, alpha=-lr)
            return 0

        """));

    private static readonly Lazy<jit.CompilationUnit> PullUnit = new(() => jit.compile(
        """
        def f(slow: List[Tensor], fast: List[Tensor], weight: float):
            torch._foreach_lerp_(slow, fast, weight)
            torch._foreach_copy_(fast, slow)
            return 0

        """));

    /// <summary>g += decay * w; v = momentum * v + g; w -= lr * (g + momentum * v). Call it under <c>no_grad</c>; gradients are overwritten.</summary>
    public static void Nesterov(Tensor[] parameters, Tensor[] gradients, Tensor[] velocities, double decay, double momentum, double lr)
    {
        using Scalar decayNumber = decay, momentumNumber = momentum, lrNumber = lr;   // held, see Arithmetic
        NesterovUnit.Value.invoke("f", parameters, gradients, velocities, decayNumber, momentumNumber, lrNumber);
    }

    /// <summary>slow += weight * (fast - slow); fast = slow. Call it under <c>no_grad</c>.</summary>
    public static void Pull(Tensor[] slow, Tensor[] fast, double weight)
    {
        using Scalar number = weight;
        PullUnit.Value.invoke("f", slow, fast, number);
    }
}
