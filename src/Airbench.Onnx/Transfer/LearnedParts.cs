using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>What of a backbone learns: the value from which on it does, and the names of its weights.</summary>
/// <param name="Start">A value that all of it depends on; the backbone's own input where everything learns.</param>
/// <param name="Weights">Constants: weights and biases of convolutions, products and normalizations.</param>
internal sealed record LearnedParts(string Start, IReadOnlyList<string> Weights)
{
    /// <summary>Where an operator has its weights: the inputs that learn.</summary>
    private static readonly Dictionary<string, int[]> Places = new()
    {
        ["Conv"] = [1, 2],
        ["Gemm"] = [1, 2],
        ["MatMul"] = [0, 1],
        ["BatchNormalization"] = [1, 2],   // not the running statistics
        ["LayerNormalization"] = [1, 2],
        ["Add"] = [0, 1],                  // a bias
        ["Mul"] = [0, 1],                  // a scale
    };

    /// <summary>Finds them.</summary>
    /// <param name="graph">The backbone.</param>
    /// <param name="shapes">Of its graph.</param>
    /// <param name="lastBlock">The value behind which its last block begins; null where there is none.</param>
    /// <param name="part">More than the head.</param>
    /// <param name="file">Where the backbone is from, for messages.</param>
    /// <exception cref="InvalidFileException">It has no such part, or an operator through which no gradient goes; the message names it.</exception>
    public static LearnedParts Of(OnnxGraph graph, ValueShapes shapes, string? lastBlock, TrainedPart part, string file)
    {
        var start = part != TrainedPart.LastGroup
            ? graph.Model.Graph.Input.Single().Name
            : lastBlock ?? throw new InvalidFileException(file, "has no last block: no value that everything behind it depends on; expected train: head, or all");
        var trainable = new GradientPaths(graph, shapes, graph.Model.Graph.Output.Single().Name).Trainable;
        var candidates = Behind(graph, start)
            .Where(node => node.Domain.Length == 0 && Places.ContainsKey(node.OpType) && (part != TrainedPart.HeadBn || node.OpType.EndsWith("Normalization", StringComparison.Ordinal)))
            .SelectMany(node => Places[node.OpType].Where(place => place < node.Input.Count).Select(place => node.Input[place]))
            .Where(name => trainable.ContainsKey(name) && graph.Constant(name)!.Dims.Any(extent => extent > 1)).Distinct().ToArray();
        string[] weights = [.. candidates.Where(name => trainable[name] is null)];
        return weights.Length > 0
            ? new LearnedParts(start, weights)
            : throw new InvalidFileException(file,
                $"has nothing that can learn there: {candidates.Select(name => trainable[name]).OfType<NoGradient>().FirstOrDefault()?.ToString() ?? "no such weights"}; expected train: head");
    }

    /// <summary>The nodes that depend on <paramref name="start"/>.</summary>
    private static IEnumerable<NodeProto> Behind(OnnxGraph graph, string start)
    {
        var reached = new HashSet<string> { start };
        foreach (var node in graph.Nodes.Where(node => node.Input.Any(reached.Contains)))
        {
            reached.UnionWith(node.Output);
            yield return node;
        }
    }
}
