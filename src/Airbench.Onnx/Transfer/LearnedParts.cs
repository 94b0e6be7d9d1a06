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
    /// <param name="backbone">The backbone.</param>
    /// <param name="shapes">Of its graph.</param>
    /// <param name="part"><see cref="TransferPart.LastBlock"/> or <see cref="TransferPart.All"/>.</param>
    /// <exception cref="InvalidFileException">It has no such part, or an operator through which no gradient goes; the message names it.</exception>
    public static LearnedParts Of(ImportedModel backbone, ValueShapes shapes, TransferPart part)
    {
        var graph = backbone.Graph;
        var start = part == TransferPart.All
            ? graph.Model.Graph.Input.Single().Name
            : backbone.LastBlockStart ?? throw new InvalidFileException(backbone.Source.Path,
                "has no last block: no value that everything behind it depends on; expected train: head, or all");
        var behind = Behind(graph, start);
        var trainable = new GradientPaths(graph, shapes, graph.Model.Graph.Output.Single().Name).Trainable;
        var candidates = behind.Where(node => node.Domain.Length == 0 && Places.ContainsKey(node.OpType))
            .SelectMany(node => Places[node.OpType].Where(place => place < node.Input.Count).Select(place => node.Input[place]))
            .Where(name => trainable.ContainsKey(name) && graph.Constant(name)!.Dims.Any(extent => extent > 1)).Distinct().ToArray();
        string[] weights = [.. candidates.Where(name => trainable[name] is null)];
        return weights.Length > 0
            ? new LearnedParts(start, weights)
            : throw new InvalidFileException(backbone.Source.Path,
                $"has nothing that can learn there: {candidates.Select(name => trainable[name]).OfType<NoGradient>().FirstOrDefault()?.ToString() ?? "no weights"}; expected train: head");
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
