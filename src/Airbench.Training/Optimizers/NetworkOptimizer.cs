using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>The optimizer of a whole network: which parameter learns how fast, by which rule.</summary>
internal sealed class NetworkOptimizer : IDisposable
{
    private readonly TrainingPlan _plan;
    private readonly NesterovSgd _sgd;
    private readonly MuonOptimizer? _muon;

    /// <summary>Takes every parameter but batch-norm statistics and whitening filters, which stay.</summary>
    public NetworkOptimizer(Network network, TrainingPlan plan)
    {
        _plan = plan;
        var (sgd, muon) = (new List<NesterovSgd.Slot>(), new List<MuonOptimizer.Slot>());
        foreach (var layer in network.Spec.Layers())
        {
            foreach (var (name, shape) in layer.Parameters())
            {
                if (name.EndsWith(".running_mean", StringComparison.Ordinal) || name.EndsWith(".running_var", StringComparison.Ordinal) ||
                    (plan.Recipe.Whiten && name == "whiten.weight"))
                {
                    continue;
                }
                var parameter = network.Tensors[name];
                parameter.requires_grad = true;
                if (plan.Recipe.Muon is not null && shape.Length == 4 && layer.Role != LayerRole.Whitening)
                {
                    muon.Add(new(name, parameter));
                }
                else
                {
                    var lr = LearningRate(layer, name);
                    // Muon's recipes bring the whitening bias down to rest over its own few epochs.
                    var restsEarly = plan.Recipe is { Muon: not null, Whiten: true } && name == "whiten.bias";
                    sgd.Add(restsEarly
                        ? new(name, parameter, lr, plan.Decay / lr, plan.WhitenBiasSteps)
                        : new(name, parameter, lr, plan.Decay / lr, plan.ScheduleSteps, plan.SmallestFactor));
                }
            }
        }
        _sgd = new NesterovSgd(sgd, plan.Recipe.Momentum);
        _muon = plan.Recipe.Muon is { } settings ? new MuonOptimizer(muon, settings) : null;
    }

    /// <summary>The parameters under training, in a fixed order.</summary>
    public IList<Tensor> Parameters => [.. _sgd.Slots.Select(slot => slot.Parameter), .. _muon?.Slots.Select(slot => slot.Parameter) ?? []];

    /// <summary>Everything that it remembers from step to step, by name.</summary>
    public IEnumerable<(string Name, Tensor State)> State =>
        _sgd.Slots.Select(slot => ($"{slot.Name}.velocity", slot.Velocity)).Concat(_muon?.Slots.Select(slot => ($"{slot.Name}.momentum", slot.Momentum)) ?? []);

    /// <summary>One update.</summary>
    /// <param name="gradients">One for each of <see cref="Parameters"/>; overwritten.</param>
    /// <param name="step">From 0.</param>
    public void Step(IList<Tensor> gradients, int step)
    {
        _sgd.Step([.. gradients.Take(_sgd.Slots.Count)], _plan.Recipe.Schedule, step);
        _muon?.Step([.. gradients.Skip(_sgd.Slots.Count)], _plan.LrFactor(step), step, _plan.ScheduleSteps);
    }

    /// <summary>Ends the training of the whitening bias once its steps are over: from then on no gradient flows below the first group.</summary>
    public void FreezeWhiten(int step)
    {
        if (step >= _plan.WhitenBiasSteps)
        {
            _sgd.Freeze("whiten.bias");
        }
    }

    public void Dispose()
    {
        _sgd.Dispose();
        _muon?.Dispose();
    }

    /// <summary>Batch-norm biases learn by a rate of their own; a batch norm's scale by that of the convolutions, where those learn by SGD.</summary>
    private double LearningRate(Layer layer, string name) => layer switch
    {
        BatchNormLayer when name.EndsWith(".bias", StringComparison.Ordinal) || _plan.Recipe.Muon is not null => _plan.BiasLr,
        { Role: LayerRole.Whitening } => _plan.WhitenLr,
        { Role: LayerRole.Head } => _plan.HeadLr,
        _ => _plan.Lr,
    };
}
