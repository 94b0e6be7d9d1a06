using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>
/// A whole update of <see cref="MuonOptimizer"/> in one call, for a GPU: one tensor after the other it would be more than a hundred calls, whose
/// time on the host is longer than the GPU's own. TorchScript makes them, as in <see cref="Foreach"/>.
/// </summary>
/// <remarks>
/// The same arithmetic as <see cref="NewtonSchulz.OrthogonalizeBatched"/>, but sums of products are rounded to bf16 once where there they are
/// rounded at every operation. In TorchScript types are numbers: 15 is bf16, 6 is fp32. All weights (out, in, kh, kw) have at least as many columns as rows, as 3x3 convolutions do.
/// </remarks>
internal static class BatchedMuon
{
    private static readonly Lazy<jit.CompilationUnit> Unit = new(() => jit.compile(
        """
        def f(params: List[Tensor], grads: List[Tensor], momenta: List[Tensor], momentum: float, lr: float, rescale: bool,
              a: float, b: float, c: float, steps: int):
            torch._foreach_mul_(momenta, momentum)
            torch._foreach_add_(momenta, grads)
            torch._foreach_add_(grads, momenta, alpha=momentum)
            if rescale:
                for p in params:
                    p.mul_(p.norm().reciprocal() * float(p.size(0)) ** 0.5)
            rows = 0
            columns = 0
            for g in grads:
                rows = max(rows, g.size(0))
                columns = max(columns, g.size(1) * g.size(2) * g.size(3))
            x = torch.new_zeros(grads[0], [len(grads), rows, columns], dtype=15)
            places: List[Tensor] = []
            updates: List[Tensor] = []
            for i in range(len(grads)):
                g = grads[i]
                n = g.size(1) * g.size(2) * g.size(3)
                places.append(x.select(0, i).narrow(0, 0, g.size(0)).narrow(1, 0, n).view(g.size(0), g.size(2), g.size(3), g.size(1)))
                updates.append(g.permute(0, 2, 3, 1))
            for i in range(len(grads)):
                places[i].copy_(updates[i])
            norms = torch.linalg_vector_norm(x, 2.0, [1, 2], True, dtype=6)
            x = x / (norms + 1e-07).type_as(x)
            for s in range(steps):
                gram = torch.bmm(x, x.transpose(1, 2))
                x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a, alpha=1.0)
            for i in range(len(params)):
                p = params[i]
                n = p.size(1) * p.size(2) * p.size(3)
                u = x.select(0, i).narrow(0, 0, p.size(0)).narrow(1, 0, n).view(p.size(0), p.size(2), p.size(3), p.size(1))
                p.permute(0, 2, 3, 1).add_(u, alpha=-lr)
            return 0

        """));

    /// <summary>One update of all weights. Call it under <c>no_grad</c>; gradients are overwritten.</summary>
    /// <param name="parameters">(out, in, kh, kw) each.</param>
    /// <param name="gradients">In the shapes of the parameters.</param>
    /// <param name="momenta">Momentum buffers.</param>
    /// <param name="settings">Coefficients, steps, momentum.</param>
    /// <param name="lr">Learning rate of this step.</param>
    /// <param name="rescale">Whether weights are brought to norm sqrt(out) first.</param>
    public static void Step(Tensor[] parameters, Tensor[] gradients, Tensor[] momenta, Muon settings, double lr, bool rescale)
    {
        using Scalar momentum = settings.Momentum, rate = lr;   // held, see Arithmetic
        using Scalar a = settings.Coefficients[0], b = settings.Coefficients[1], c = settings.Coefficients[2];
        Unit.Value.invoke("f", parameters, gradients, momenta, momentum, rate, rescale, a, b, c, (long)settings.NewtonSchulzSteps);
    }

    /// <summary>Whether it serves these weights.</summary>
    public static bool Serves(IEnumerable<Tensor> weights) => weights.All(weight => weight.shape[0] <= weight.shape[1] * weight.shape[2] * weight.shape[3]);
}
