using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Divides the features of an image by their Euclidean length, inside of the graph. How strongly a network answers then says nothing, only to what:
/// a linear layer is more often right so (on 200 flower photos by 1.2 points, docs/own-photos.md), and one learning rate suits every backbone.
/// </summary>
internal static class UnitFeatures
{
    /// <summary>Nothing is divided by less: an image without any feature keeps none.</summary>
    private const float Least = 1e-6f;

    /// <summary>The backbone with such features, under the same name.</summary>
    public static ImportedModel Of(ImportedModel backbone)
    {
        var graph = backbone.Graph.Clone();
        const string Name = ImportedModel.Features;
        graph.Rename(Name, $"{Name}/raw");
        graph.AddConstant(Tensors.Create<long>($"{Name}/axis", DataType.Int64, [1], 1));
        graph.AddConstant(Tensors.Create<float>($"{Name}/least", DataType.Float, [Least]));
        var squares = Node("Mul", $"{Name}/squares", $"{Name}/raw", $"{Name}/raw");
        var sum = Node("ReduceSum", $"{Name}/sum", squares, $"{Name}/axis");
        var length = Node("Max", $"{Name}/length", Node("Sqrt", $"{Name}/root", sum), $"{Name}/least");
        Node("Div", Name, $"{Name}/raw", length);
        var output = graph.Model.Graph.Output.Single();
        output.Name = Name;
        return backbone with { Graph = graph, Notes = [.. backbone.Notes, "its features are divided by their length"] };

        string Node(string op, string name, params string[] inputs)
        {
            graph.Add(new NodeProto { Name = $"{name}/unit", OpType = op, Input = { inputs }, Output = { name } });
            return name;
        }
    }

    /// <summary>The same outside of a graph.</summary>
    public static void Divide(Span<float> features)
    {
        var squares = 0.0;
        foreach (var feature in features)
        {
            squares += (double)feature * feature;
        }
        var length = Math.Max(Math.Sqrt(squares), Least);
        for (var i = 0; i < features.Length; i++)
        {
            features[i] = (float)(features[i] / length);
        }
    }
}
