namespace Airbench.Onnx;

/// <summary>ONNX Runtime's graph optimization levels.</summary>
public enum GraphOptimization
{
    /// <summary>Everything, also layouts.</summary>
    All,

    /// <summary>Fusions of the execution provider too.</summary>
    Extended,

    /// <summary>Only rewritings that keep standard operators.</summary>
    Basic,

    /// <summary>The graph as it is in the file.</summary>
    Disabled,
}

/// <summary>How a session runs.</summary>
/// <param name="Threads">Threads of one operator; 0 is one per core.</param>
/// <param name="GraphOptimization">How far the graph is rewritten.</param>
/// <param name="ProviderOptions">Options of the CUDA execution provider by its names; empty on the CPU, which has none.</param>
/// <param name="IoBinding">Whether inputs and outputs are bound to the device, so that a batch crosses once; null decides by the device.</param>
/// <param name="FillsUp">Whether a bound batch is filled up to one of few sizes (<see cref="BoundBuffers"/>); null decides by the device.</param>
internal sealed record SessionSettings(
    int Threads = 0, GraphOptimization GraphOptimization = GraphOptimization.All, IReadOnlyDictionary<string, string>? ProviderOptions = null,
    bool? IoBinding = null, bool? FillsUp = null)
{
    /// <summary>Of a stage's options.</summary>
    public static SessionSettings Of(ClassifierOptions options) => new(options.Threads, options.GraphOptimization, options.ProviderOptions);
}
