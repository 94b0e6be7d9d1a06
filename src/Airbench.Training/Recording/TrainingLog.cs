using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>A row of <c>curve.csv</c>: the state after an epoch.</summary>
internal sealed record CurvePoint(
    int Run, double Epoch, int Step, double Lr, double TrainLoss, double TrainAccuracy, double Seconds, double? ValidationAccuracy = null,
    double? ValidationLoss = null);

/// <summary>What the runs of a training have left so far.</summary>
/// <param name="validateEvery">Epochs from one validation to the next; 0 for none.</param>
/// <param name="checkpoint">Written along the way; null for none. The caller's.</param>
internal sealed class TrainingLog(int validateEvery, Checkpoint? checkpoint = null) : IDisposable
{
    /// <summary>Epochs from one validation to the next; 0 for none.</summary>
    public int ValidateEvery { get; } = validateEvery;

    /// <summary>Where the run under way is saved, or null.</summary>
    public Checkpoint? Checkpoint { get; } = checkpoint;

    /// <summary>A row an epoch of each run.</summary>
    public List<CurvePoint> Curve { get; } = [.. checkpoint?.Found?.Curve ?? []];

    /// <summary>Runs done.</summary>
    public List<RunResult> Results { get; } = [.. checkpoint?.Found?.Results ?? []];

    /// <summary>The network of the first run, which is the one that is exported; null before its end.</summary>
    public Network? First { get; private set; }

    /// <summary>What checkpoints carry along: <see cref="First"/>.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> State =>
        First?.Tensors.Select(tensor => ($"kept.{tensor.Key}", tensor.Value)) ?? [];

    /// <summary>Adds a run and takes its network.</summary>
    public void Add(Network network, RunResult result)
    {
        Results.Add(result);
        if (First is null)
        {
            First = network;
        }
        else
        {
            network.Dispose();
        }
    }

    /// <summary>Takes <see cref="First"/> from the found checkpoint, where its run is done.</summary>
    public void Restore(TrainingSetup setup)
    {
        if (Results.Count > 0)
        {
            using var generator = new Generator(0UL, CPU);
            First = Network.Create(setup.Spec, setup.Recipe, setup.Device, generator);
            foreach (var (name, tensor) in State)
            {
                Checkpoint!.Restore(name, tensor);
            }
        }
    }

    public void Dispose() => First?.Dispose();
}
