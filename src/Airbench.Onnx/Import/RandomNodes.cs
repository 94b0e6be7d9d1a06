using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>Nodes that give something else in every call. Two sessions draw the same numbers, so no comparison of answers finds them.</summary>
internal static class RandomNodes
{
    private static readonly HashSet<string> Operators =
        ["RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial"];

    /// <summary>Whether an operator draws numbers.</summary>
    public static bool Draws(NodeProto node) => Operators.Contains(node.OpType);

    /// <summary>Refuses a graph with one.</summary>
    /// <param name="path">Its file, for messages.</param>
    /// <param name="graph">The graph, without what its output does not need and without a Dropout that drops nothing.</param>
    /// <exception cref="InvalidFileException">It has one; the message names it.</exception>
    public static void Refuse(string path, OnnxGraph graph)
    {
        if (Graphs.All(graph.Model.Graph).SelectMany(inner => inner.Node).FirstOrDefault(node => Draws(node) || IsTrainingDropout(graph, node)) is { } found)
        {
            throw new InvalidFileException(path,
                $"draws random numbers in every call: {PlainGraph.Show(found)}. Expected the same answer to the same image: export it for inference (model.eval() in PyTorch)");
        }
    }

    private static bool IsTrainingDropout(OnnxGraph graph, NodeProto node) =>
        node is { OpType: "Dropout", Domain: "", Input.Count: > 2 } && graph.Constant(node.Input[2]) is { } isTraining && isTraining.RawData.Any(value => value != 0);
}
