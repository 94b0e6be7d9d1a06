namespace Airbench.Onnx;

/// <summary>What a training graph computes: a network, which of it learns, and the fixed numbers of the loss and of batch norm.</summary>
/// <param name="Network">Its layers.</param>
/// <param name="Part">What learns.</param>
public sealed record TrainingSpec(NetworkSpec Network, TrainedPart Part)
{
    /// <summary>Share of probability, 0 to 1, that the loss spreads over all classes.</summary>
    public double LabelSmoothing { get; init; } = 0.2;

    /// <summary>Share of the batch statistics that enters the running ones at a step, 0 to 1 (PyTorch's convention).</summary>
    public double BatchNormMomentum { get; init; } = 0.1;

    /// <summary>
    /// Whether batch norms that learn still normalize with their running statistics, and keep them. Otherwise they normalize with those
    /// of the batch, as in training, and the running ones follow. Batch norms that do not learn are always as in deployment.
    /// </summary>
    public bool FrozenStatistics { get; init; }

    /// <summary>Names of the tensors that learn, in layer order.</summary>
    public IReadOnlyList<(string Name, long[] Shape)> Trained =>
        [.. Of(layer => layer.Parameters().Where(p => !IsStatistic(p.Name)))];

    /// <summary>Running statistics that follow the batches, in layer order.</summary>
    public IReadOnlyList<(string Name, long[] Shape)> MovingStatistics =>
        FrozenStatistics ? [] : [.. Of(layer => layer.Parameters().Where(p => IsStatistic(p.Name)))];

    /// <summary>Every other tensor of the network, in layer order.</summary>
    public IReadOnlyList<(string Name, long[] Shape)> Frozen
    {
        get
        {
            var moving = Trained.Concat(MovingStatistics).Select(p => p.Name).ToHashSet();
            return [.. Network.Parameters().Where(p => !moving.Contains(p.Name))];
        }
    }

    private IEnumerable<(string Name, long[] Shape)> Of(Func<Layer, IEnumerable<(string Name, long[] Shape)>> tensors)
    {
        var layers = Part.Layers(Network);
        return Network.Layers().Where(layer => layers.Contains(layer.Name)).SelectMany(tensors);
    }

    private static bool IsStatistic(string tensor) => tensor.Contains(".running_", StringComparison.Ordinal);
}
