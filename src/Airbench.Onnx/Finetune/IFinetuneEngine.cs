namespace Airbench.Onnx;

/// <summary>Something that trains a network step by step and answers with it. The loop around it, data and schedule, is shared.</summary>
public interface IFinetuneEngine : IDisposable
{
    /// <summary>Name, version and device, for provenance: "ONNX Runtime 1.31.1 on cpu".</summary>
    string Description { get; }

    /// <summary>One step of SGD with momentum.</summary>
    /// <param name="images">uint8 [n,3,S,S], planar RGB.</param>
    /// <param name="labels">n rows of the head.</param>
    /// <param name="settings">Hyperparameters of this step.</param>
    /// <returns>The mean loss, before the update.</returns>
    float Step(ReadOnlySpan<byte> images, ReadOnlySpan<long> labels, StepSettings settings);

    /// <summary>Answers as in deployment, batch norm on its running statistics.</summary>
    /// <param name="images">uint8 [count,3,S,S].</param>
    /// <param name="count">Images, at least 1.</param>
    /// <param name="logits">Receives float32 [count,K].</param>
    void Answer(ReadOnlySpan<byte> images, int count, Span<float> logits);

    /// <summary>The tensors that have changed since the start, by name, row-major: what learns, and running statistics.</summary>
    Dictionary<string, float[]> ReadWeights();
}

/// <summary>Hyperparameters of one step.</summary>
/// <param name="Lr">Learning rate on the mean loss.</param>
/// <param name="Momentum">Momentum, 0 to 1.</param>
/// <param name="WeightDecay">L2 weight decay.</param>
public readonly record struct StepSettings(float Lr, float Momentum, float WeightDecay)
{
    /// <summary>Learning rate of the head, where the model has one of its own; null is <see cref="Lr"/>.</summary>
    public float? HeadLr { get; init; }
}

/// <summary>What an engine is to train.</summary>
/// <param name="Network">Layers, with the classes of the new head.</param>
/// <param name="WeightsFile"><c>weights.safetensors</c> of exactly this network, the head's new rows drawn already.</param>
/// <param name="Part">What learns.</param>
/// <param name="LabelSmoothing">Of the loss.</param>
/// <param name="FrozenStatistics">Whether batch norms that learn keep their running statistics.</param>
/// <param name="Device">auto, cpu, cuda or cuda:N.</param>
/// <param name="Threads">Threads of one operator; 0 is one per core.</param>
/// <param name="Folder">An empty folder for the engine's own files, there until the engine is disposed.</param>
public sealed record FinetuneRequest(
    NetworkSpec Network, string WeightsFile, TrainedPart Part, double LabelSmoothing, bool FrozenStatistics, string Device, int Threads, string Folder)
{
    /// <summary>The backbone below the head; null for a network of ours.</summary>
    public BackboneFile? Backbone { get; init; }
}

/// <summary>A backbone on the disk.</summary>
/// <param name="Path"><c>backbone.onnx</c>.</param>
/// <param name="LastBlock">The value behind which its last block begins; null where there is none.</param>
public sealed record BackboneFile(string Path, string? LastBlock);
