namespace Airbench.Onnx;

/// <summary>How much of an imported network can be trained further: what the rules of differentiation reach from its features.</summary>
internal static class TrainingSurvey
{
    /// <summary>The last block and everything; for what cannot train, the node that stands in the way.</summary>
    /// <param name="model">The import.</param>
    public static IEnumerable<ModelUse> Uses(ImportedModel model)
    {
        var graph = model.Graph;
        var paths = new GradientPaths(graph, ValueShapes.Measure(graph, model.Source.Path), graph.Model.Graph.Output.Single().Name);
        var weights = paths.Trainable.Where(pair => graph.Constant(pair.Key)!.Dims.Count >= 2 && !InputWriter.IsPixels(pair.Key)).ToList();
        var behind = model.LastBlockStart is { } start ? Behind(graph, start) : [];
        yield return model.LastBlockStart is null
            ? new("adapt: last block", false, "no value separates a last block from what is before it")
            : Use("last block", [.. weights.Where(pair => behind.Contains(pair.Key))]);
        yield return Use("all", weights);
    }

    private static ModelUse Use(string part, List<KeyValuePair<string, NoGradient?>> weights)
    {
        var closed = weights.Where(pair => pair.Value is not null).ToList();
        return closed.Count == 0
            ? new($"adapt: {part}", weights.Count > 0, weights.Count > 0 ? Counted.Of(weights.Count, "weight tensor") : "it has no weights")
            : new($"adapt: {part}", false, $"{closed[0].Value}. {weights.Count - closed.Count} of {Counted.Of(weights.Count, "weight tensor")} can learn");
    }

    /// <summary>Constants that are read by what depends on a value.</summary>
    private static HashSet<string> Behind(OnnxGraph graph, string start)
    {
        var reached = new HashSet<string>(StringComparer.Ordinal) { start };
        var constants = new HashSet<string>(StringComparer.Ordinal);
        foreach (var node in graph.Nodes.Where(node => OnnxGraph.Reads(node).Any(reached.Contains)))
        {
            reached.UnionWith(node.Output);
            constants.UnionWith(OnnxGraph.Reads(node).Where(input => graph.Constant(input) is not null));
        }
        return constants;
    }
}
