using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Airbench;

/// <summary>
/// Muon for every convolution but whiten, and the learning rates of Nesterov SGD for the rest. Learning rates are plain (per step);
/// <see cref="WeightDecay"/> is per example: a group's L2 decay is WeightDecay * batch / its learning rate.
/// </summary>
public sealed record Muon
{
    [Description("muon: learning rate of the convolutions.")]
    [Range(0, double.MaxValue, MinimumIsExclusive = true)]
    public required double Lr { get; init; }

    /// <summary>Nesterov momentum.</summary>
    [Description("muon: momentum of the convolutions.")]
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public required double Momentum { get; init; }

    [Description("muon: learning rate of batch-norm biases and of the whitening bias.")]
    [Range(0, double.MaxValue, MinimumIsExclusive = true)]
    [OptionKey("bias_lr")]
    public required double BiasLr { get; init; }

    [Description("muon: learning rate of the head.")]
    [Range(0, double.MaxValue, MinimumIsExclusive = true)]
    [OptionKey("head_lr")]
    public required double HeadLr { get; init; }

    /// <summary>Of biases and head.</summary>
    [Description("Weight decay, per example.")]
    [Range(0, double.MaxValue)]
    [OptionKey("weight_decay")]
    public required double WeightDecay { get; init; }

    [Description("muon: coefficients [a, b, c] of the quintic X := aX + (bA + cAA)X, A = XX^T.")]
    public required IReadOnlyList<double> Coefficients { get; init; }

    [Description("muon: Newton-Schulz steps an update.")]
    [Range(1, 100)]
    public int NewtonSchulzSteps { get; init; } = 3;

    [Description("muon: convolutions are rescaled to norm sqrt(out) every this many steps,")]
    [Range(1, int.MaxValue)]
    public int RenormalizeEvery { get; init; } = 1;

    [Description("muon: plus this many times the progress (0 to 1) of the training, rounded down.")]
    [Range(0, 1_000_000)]
    public int RenormalizeGrowth { get; init; }

    [Description("muon: whether all convolutions are orthogonalized as one padded batch.")]
    public bool Batched { get; init; }
}

/// <summary>
/// A small network of the same kind trains first, on the same batches; of each batch only the examples with its highest losses train
/// it, and later the large network.
/// </summary>
public sealed record Proxy(
    [property: Description("proxy: channels of its convolution groups.")]
    IReadOnlyList<int> Widths,

    [property: Description("proxy: its convolutions in a group, 2 or 3."), Range(2, 3)]
    int Depth,

    [property: Description("proxy: share (0 to 1) of a batch, its highest losses, that trains."), Range(0.0, 1.0, MinimumIsExclusive = true)]
    double Keep,

    [property: Description("proxy: it is itself updated every this many steps only."), Range(1, int.MaxValue)]
    int BackwardEvery);

/// <summary>Per image, after normalization: (x + brightness) * contrast.</summary>
/// <param name="Brightness">Added, uniform in +-this.</param>
/// <param name="Contrast">Factor, uniform in 1 +- this.</param>
public sealed record ColorJitter([property: Range(0, double.MaxValue)] double Brightness, [property: Range(0.0, 1.0)] double Contrast);

/// <summary>
/// Piecewise linear factor on the learning rate: <paramref name="Start"/>, 1 at <paramref name="Peak"/> of the training, <paramref name="End"/>.
/// </summary>
public sealed record TriangularSchedule(
    [property: Range(0, double.MaxValue)] double Start, [property: Range(0.0, 1.0)] double Peak, [property: Range(0, double.MaxValue)] double End)
{
    /// <summary>Factor at <paramref name="step"/> (0-based) of <paramref name="totalSteps"/>.</summary>
    public double At(int step, int totalSteps)
    {
        var corner = (int)(Peak * totalSteps);
        return step < corner
            ? Start + ((1 - Start) * step / corner)
            : 1 + ((End - 1) * (step - corner) / Math.Max(1, totalSteps - corner));
    }
}

/// <summary>The schedule over the first part of a training only; what follows has the smallest rates.</summary>
/// <param name="Share">Of the training's steps, to which the schedule is fitted.</param>
/// <param name="Factor">The learning-rate factor is never less.</param>
public sealed record LrTail(
    [property: Range(0.0, 1.0, MinimumIsExclusive = true)] double Share, [property: Range(0.0, 1.0)] double Factor);

/// <summary>Late in a training, average = keep * average + (1 - keep) * weights, then weights = average; batch-norm statistics too.</summary>
/// <param name="Start">Share of the training's steps after which the average starts as a copy of the weights.</param>
/// <param name="Every">Steps between updates, rounded.</param>
/// <param name="Keep">Weight of the old average.</param>
public sealed record TailAverage(
    [property: Range(0.0, 1.0)] double Start, [property: Range(1.0, 1_000_000.0)] double Every, [property: Range(0.0, 1.0)] double Keep);
