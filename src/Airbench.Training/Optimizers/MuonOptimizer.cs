using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>
/// Muon (recipes.md, "Muon recipes"): m = mu * m + g; the update is g + mu * m as a matrix (out, in * kh * kw), made semi-orthogonal;
/// before the step the weight is rescaled to norm sqrt(out).
/// </summary>
internal sealed class MuonOptimizer : IDisposable
{
    private readonly Muon _muon;
    private readonly List<Slot> _slots;
    private readonly bool _batched;

    /// <summary>Whether the whole update is one call (<see cref="BatchedMuon"/>), as on a GPU.</summary>
    internal bool IsOneCall { get; init; }

    /// <summary>A convolution weight (out, in, kh, kw).</summary>
    public sealed record Slot(string Name, Tensor Parameter)
    {
        /// <summary>Momentum buffer m, the parameter's shape and type.</summary>
        public Tensor Momentum { get; } = zeros_like(Parameter);
    }

    public MuonOptimizer(IEnumerable<Slot> slots, Muon muon)
    {
        (_slots, _muon) = ([.. slots], muon);
        // Matrix by matrix, a GPU would spend its time on launches; on a CPU the padding is arithmetic for nothing.
        var isCuda = _slots.Exists(slot => slot.Parameter.device_type == DeviceType.CUDA);
        _batched = muon.Batched || isCuda;
        IsOneCall = isCuda && BatchedMuon.Serves(_slots.Select(slot => slot.Parameter));
    }

    /// <summary>The weights under training, in a fixed order.</summary>
    public IReadOnlyList<Slot> Slots => _slots;

    /// <summary>One update.</summary>
    /// <param name="gradients">One for each of <see cref="Slots"/>; overwritten.</param>
    /// <param name="factor">The schedule's value.</param>
    /// <param name="step">From 0.</param>
    /// <param name="totalSteps">Of the training: how often weights are rescaled depends on the progress.</param>
    public void Step(IReadOnlyList<Tensor> gradients, double factor, int step, int totalSteps)
    {
        using var noGradients = no_grad();
        var every = _muon.RenormalizeEvery + (int)((double)_muon.RenormalizeGrowth * step / totalSteps);
        if (IsOneCall)
        {
            BatchedMuon.Step(
                [.. _slots.Select(slot => slot.Parameter)], [.. gradients], [.. _slots.Select(slot => slot.Momentum)],
                _muon, _muon.Lr * factor, rescale: step % every == 0);
            return;
        }
        var updates = new List<Tensor>();
        for (var i = 0; i < _slots.Count; i++)
        {
            var (slot, gradient) = (_slots[i], gradients[i]);
            slot.Momentum.Scale(_muon.Momentum).Accumulate(gradient);
            updates.Add(AsMatrix(gradient.Accumulate(slot.Momentum, _muon.Momentum)));
            if (step % every == 0)
            {
                slot.Parameter.mul_(slot.Parameter.norm().reciprocal().Times(Math.Sqrt(slot.Parameter.shape[0])));
            }
        }
        var orthogonal = _batched ? NewtonSchulz.OrthogonalizeBatched(updates, _muon) : [.. updates.Select(u => NewtonSchulz.Orthogonalize(u, _muon))];
        for (var i = 0; i < _slots.Count; i++)
        {
            AsMatrix(_slots[i].Parameter).Accumulate(orthogonal[i], -_muon.Lr * factor);
        }
    }

    public void Dispose() => _slots.ForEach(slot => slot.Momentum.Dispose());

    /// <summary>
    /// (out, kh * kw * in): for a channels_last weight a view. Which order the columns have does not matter: orthogonalizing a matrix
    /// with permuted columns permutes the columns of the result.
    /// </summary>
    private static Tensor AsMatrix(Tensor weight)
    {
        var rows = weight.permute(0, 2, 3, 1);
        return rows.is_contiguous() ? rows.view(weight.shape[0], -1) : rows.reshape(weight.shape[0], -1);
    }
}
