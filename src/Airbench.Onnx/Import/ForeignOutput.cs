using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>Which of a model's outputs is taken, and how it becomes [N,F].</summary>
internal static class ForeignOutput
{
    /// <summary>The output with scores or features.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="graph">The model.</param>
    /// <param name="shapes">Shapes of its values.</param>
    /// <param name="notes">Gets a sentence where there are others.</param>
    /// <exception cref="InvalidFileException">There is none; the message says what there is.</exception>
    public static string Choose(string path, OnnxGraph graph, IReadOnlyDictionary<string, long[]> shapes, List<string> notes)
    {
        if (graph.Nodes.FirstOrDefault(node => node.OpType is "NonMaxSuppression" or "EfficientNMS_TRT") is { } detector)
        {
            throw new InvalidFileException(path, $"finds objects ({PlainGraph.Show(detector)}): a detector has no features of a whole image. Expected a classifier, or the network that it is built on");
        }
        var outputs = graph.Model.Graph.Output.ToArray();
        var real = outputs.Where(output => output.Type?.TensorType is null || Tensors.IsFloating(output.Type.TensorType.ElemType)).ToArray();
        ValueInfoProto[] candidates =
        [
            .. real.Where(output => output.Name == ImportedModel.Logits),
            .. real.Where(output => HeadFinder.IsVector(Shape(output))),
            .. outputs.Where(output => HeadFinder.Scores(graph, output.Name) is var scores && scores != output.Name && HeadFinder.IsVector(shapes.GetValueOrDefault(scores))),
            .. real.Where(output => Shape(output) is { Length: 4 }),
        ];
        if (candidates.Length == 0)
        {
            throw new InvalidFileException(path,
                $"has no output of scores or features; it has {string.Join("; ", outputs.Select(output => $"{output.Name} [{string.Join(", ", Shape(output) ?? [])}]").Take(20))}. " +
                "Expected [N, K], or feature maps [N, C, H, W]: export a classifier, or the network below its other parts");
        }
        if (outputs.Length > 1)
        {
            notes.Add($"of its {outputs.Length} outputs {candidates[0].Name} is taken");
        }
        return candidates[0].Name;

        long[]? Shape(ValueInfoProto output) => shapes.GetValueOrDefault(output.Name);
    }

    /// <summary>Lets the graph end at <paramref name="value"/>, as it is.</summary>
    public static void End(OnnxGraph graph, string value)
    {
        graph.Model.Graph.Output.Clear();
        graph.Model.Graph.Output.Add(new ValueInfoProto { Name = value, Type = new TypeProto { TensorType = new() { ElemType = (int)DataType.Float } } });
        graph.RemoveUnused();
    }

    /// <summary>Makes the one output [N,F] of it, called <paramref name="name"/>; returns F.</summary>
    /// <param name="graph">The graph, which ends at <paramref name="value"/>.</param>
    /// <param name="value">Its output.</param>
    /// <param name="name">The new name.</param>
    /// <param name="shape">Shape of the output for some images.</param>
    /// <param name="notes">Gets a sentence where feature maps are averaged.</param>
    public static int Finish(OnnxGraph graph, string value, string name, long[] shape, List<string> notes)
    {
        if (!HeadFinder.IsVector(shape))
        {
            notes.Add($"its feature maps [N, {string.Join(", ", shape[1..])}] are averaged over height and width");
            value = Append(graph, "GlobalAveragePool", $"{name}/average", value);
        }
        if (shape.Length == 2)
        {
            graph.Rename(value, name);
        }
        else
        {
            value = Append(graph, "Flatten", name, value);
        }
        var count = HeadFinder.IsVector(shape) ? Extents.Elements(shape[1..]) : shape[1];
        graph.Model.Graph.Output.Clear();
        graph.Model.Graph.Output.Add(GraphBuilder.Declare(name, DataType.Float, [GraphBuilder.Batch, $"{count}"]));
        return (int)count;
    }

    private static string Append(OnnxGraph graph, string op, string name, string value)
    {
        graph.Add(new NodeProto { Name = name, OpType = op, Input = { value }, Output = { name } });
        return name;
    }
}
