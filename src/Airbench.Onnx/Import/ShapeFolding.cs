using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Replaces arithmetic with shapes by constants: exporters compute, in every call, the target of a Reshape from the shape of the value that is reshaped.
/// Height and width are fixed by now, so only the number of images is open.
/// </summary>
internal static class ShapeFolding
{
    /// <summary>Changes <paramref name="graph"/>; returns how many nodes are gone.</summary>
    /// <param name="graph">A graph whose only open dimension is the batch.</param>
    /// <param name="file">Where it came from, for errors.</param>
    public static int Apply(OnnxGraph graph, string file)
    {
        if (!graph.Nodes.Any(node => node.OpType is "Shape" or "Size"))
        {
            return 0;
        }
        var (before, shapes) = (graph.Nodes.Count, ValueShapes.Measure(graph, file));
        foreach (var node in graph.Nodes.ToArray())
        {
            for (var i = 0; i < node.Output.Count; i++)
            {
                if (shapes[node.Output[i]]?.Integers is { } values && !graph.IsOutput(node.Output[i]))
                {
                    var constant = Tensors.Create<long>(
                        graph.Fresh($"{node.Output[i]}.value"), DataType.Int64, [.. values], [.. shapes[node.Output[i]]!.Extents.Select(extent => extent.Count)]);
                    graph.AddConstant(constant);
                    graph.ReplaceReads(node.Output[i], constant.Name);
                }
            }
            if (node is { OpType: "Reshape", Domain: "" } && graph.Constant(node.Input[1]) is null && shapes[node.Output[0]] is { Rank: > 0 } target
                && target.Extents.Count(extent => extent.IsPerImage) <= 1)
            {
                var constant = Tensors.Create<long>(
                    graph.Fresh($"{node.Name}.shape"), DataType.Int64, [.. target.Extents.Select(extent => extent.IsPerImage ? -1 : extent.Count)], target.Rank);
                graph.AddConstant(constant);
                graph.SetInput(node, 1, constant.Name);
            }
        }
        graph.RemoveUnused();
        return before - graph.Nodes.Count;
    }
}
