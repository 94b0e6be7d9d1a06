using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>Nesterov SGD with L2 weight decay, as PyTorch defines it: g += wd * w; v = mu * v + g; w -= lr * (g + mu * v).</summary>
internal sealed class NesterovSgd : IDisposable
{
    private readonly double _momentum;
    private readonly List<Slot> _slots;

    /// <summary>A parameter with the learning rate and weight decay of its group.</summary>
    /// <param name="Name">The parameter's name.</param>
    /// <param name="Parameter">Updated in place.</param>
    /// <param name="LearningRate">At the schedule's peak.</param>
    /// <param name="WeightDecay">L2.</param>
    /// <param name="ScheduleSteps">Steps over which the schedule runs for this parameter.</param>
    /// <param name="SmallestFactor">The schedule's value for this parameter is never less.</param>
    public sealed record Slot(string Name, Tensor Parameter, double LearningRate, double WeightDecay, int ScheduleSteps, double SmallestFactor = 0)
    {
        /// <summary>Velocity v, the parameter's shape and type.</summary>
        public Tensor Velocity { get; } = zeros_like(Parameter);
    }

    public NesterovSgd(IEnumerable<Slot> slots, double momentum) => (_slots, _momentum) = ([.. slots], momentum);

    /// <summary>The parameters under training, in a fixed order.</summary>
    public IReadOnlyList<Slot> Slots => _slots;

    /// <summary>From now on <paramref name="name"/> stays as it is; no gradient flows to it any more.</summary>
    public void Freeze(string name)
    {
        if (_slots.Find(slot => slot.Name == name) is { } frozen)
        {
            frozen.Parameter.requires_grad = false;
            frozen.Velocity.Dispose();
            _slots.Remove(frozen);
        }
    }

    /// <summary>One update with every slot's learning rate times its schedule at <paramref name="step"/>.</summary>
    /// <param name="gradients">One for each of <see cref="Slots"/>; overwritten.</param>
    /// <param name="schedule">The recipe's.</param>
    /// <param name="step">From 0.</param>
    public void Step(IReadOnlyList<Tensor> gradients, TriangularSchedule schedule, int step)
    {
        using var noGradients = no_grad();
        // By type too: a list of several types is updated one tensor after the other.
        foreach (var group in _slots.Index().GroupBy(entry =>
            (entry.Item.LearningRate, entry.Item.WeightDecay, entry.Item.ScheduleSteps, entry.Item.SmallestFactor, entry.Item.Parameter.dtype)))
        {
            var (lr, decay, steps, smallest, _) = group.Key;
            Foreach.Nesterov(
                [.. group.Select(entry => entry.Item.Parameter)], [.. group.Select(entry => gradients[entry.Index])],
                [.. group.Select(entry => entry.Item.Velocity)], decay, _momentum, lr * TrainingPlan.FactorAt(schedule, step, steps, smallest));
        }
    }

    public void Dispose() => _slots.ForEach(slot => slot.Velocity.Dispose());
}
