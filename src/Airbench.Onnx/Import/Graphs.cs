using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>Graphs inside of graphs: the bodies of an If, a Loop or a Scan.</summary>
internal static class Graphs
{
    /// <summary>A graph and those inside of it, the outermost first.</summary>
    public static IEnumerable<GraphProto> All(GraphProto graph) => graph.Node.SelectMany(Inside).Prepend(graph);

    /// <summary>Every tensor of a graph, those in attributes too, but not of the graphs inside of it.</summary>
    public static IEnumerable<TensorProto> Tensors(GraphProto graph) =>
        graph.Initializer
            .Concat(graph.SparseInitializer.SelectMany(Parts))
            .Concat(graph.Node.SelectMany(node => node.Attribute).SelectMany(attribute =>
                (attribute.T is { } tensor ? [tensor] : Enumerable.Empty<TensorProto>()).Concat(attribute.SparseTensor is { } sparse ? Parts(sparse) : [])));

    /// <summary>Gives other names to all values and nodes, inner graphs included. An optional input that is left out has no name, and keeps none.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="value">The new name of a value. Values of inner graphs see those around them, so one function names all.</param>
    /// <param name="node">The new name of a node.</param>
    public static void Rename(GraphProto graph, Func<string, string> value, Func<string, string> node)
    {
        foreach (var inner in All(graph))
        {
            foreach (var declared in inner.Input.Concat(inner.Output).Concat(inner.ValueInfo))
            {
                declared.Name = value(declared.Name);
            }
            foreach (var tensor in inner.Initializer)
            {
                tensor.Name = value(tensor.Name);
            }
            foreach (var renamed in inner.Node)
            {
                renamed.Name = node(renamed.Name);
                foreach (var values in (ReadOnlySpan<IList<string>>)[renamed.Input, renamed.Output])
                {
                    for (var i = 0; i < values.Count; i++)
                    {
                        values[i] = values[i].Length == 0 ? "" : value(values[i]);
                    }
                }
            }
        }
    }

    private static IEnumerable<GraphProto> Inside(NodeProto node) =>
        node.Attribute.SelectMany(attribute => attribute.G is { } graph ? attribute.Graphs.Prepend(graph) : attribute.Graphs).SelectMany(All);

    private static IEnumerable<TensorProto> Parts(SparseTensorProto sparse) => ((IEnumerable<TensorProto?>)[sparse.Values, sparse.Indices]).OfType<TensorProto>();
}
