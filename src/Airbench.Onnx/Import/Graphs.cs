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

    /// <summary>Gives every value and node called <paramref name="name"/> another name, inner graphs included.</summary>
    public static void Rename(GraphProto graph, IReadOnlyDictionary<string, string> names)
    {
        foreach (var inner in All(graph))
        {
            foreach (var value in inner.Input.Concat(inner.Output).Concat(inner.ValueInfo))
            {
                value.Name = names.GetValueOrDefault(value.Name, value.Name);
            }
            foreach (var tensor in inner.Initializer)
            {
                tensor.Name = names.GetValueOrDefault(tensor.Name, tensor.Name);
            }
            foreach (var node in inner.Node)
            {
                node.Name = names.GetValueOrDefault(node.Name, node.Name);
                foreach (var values in (ReadOnlySpan<IList<string>>)[node.Input, node.Output])
                {
                    for (var i = 0; i < values.Count; i++)
                    {
                        values[i] = names.GetValueOrDefault(values[i], values[i]);
                    }
                }
            }
        }
    }

    private static IEnumerable<GraphProto> Inside(NodeProto node) =>
        node.Attribute.SelectMany(attribute => attribute.G is { } graph ? attribute.Graphs.Prepend(graph) : attribute.Graphs).SelectMany(All);

    private static IEnumerable<TensorProto> Parts(SparseTensorProto sparse) => ((IEnumerable<TensorProto?>)[sparse.Values, sparse.Indices]).OfType<TensorProto>();
}
