using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>Which values of a graph a gradient can come to from its output, and what stands in the way of the others.</summary>
internal sealed class GradientPaths
{
    private readonly Dictionary<string, NoGradient?> _arrived = [];   // null: it comes on every path
    private readonly OnnxGraph _graph;
    private readonly ValueShapes _shapes;
    private readonly int _opset;

    /// <summary>Follows all paths back from <paramref name="output"/>.</summary>
    public GradientPaths(OnnxGraph graph, ValueShapes shapes, string output)
    {
        (_graph, _shapes, _opset) = (graph, shapes, OpsetOf(graph));
        _arrived.Add(output, null);
        foreach (var node in graph.Nodes.Reverse().Where(node => node.Output.Any(_arrived.ContainsKey)))
        {
            GoThrough(node);
        }
    }

    /// <summary>Version of the operators of the default domain.</summary>
    public static int OpsetOf(OnnxGraph graph) => (int)graph.Model.OpsetImport.Single(opset => opset.Domain is "" or "ai.onnx").Version;

    /// <summary>
    /// Whether constants can learn: for each of float32 that the output depends on, null, or the node next to the output that no gradient goes through.
    /// </summary>
    public IReadOnlyDictionary<string, NoGradient?> Trainable => _graph.Constants
        .Where(tensor => tensor.DataType == (int)DataType.Float && _arrived.ContainsKey(tensor.Name))
        .ToDictionary(tensor => tensor.Name, tensor => _arrived[tensor.Name]);

    /// <summary>Whether a gradient comes to a value on every path that leads from it to the output.</summary>
    public bool Reaches(string value) => _arrived.TryGetValue(value, out var missing) && missing is null;

    /// <summary>The node next to the output that no gradient goes through on its way to a value; null where there is none.</summary>
    public NoGradient? Missing(string value) => _arrived.GetValueOrDefault(value);

    private void GoThrough(NodeProto node)
    {
        var blocked = node.Output.Select(output => _arrived.GetValueOrDefault(output)).FirstOrDefault(missing => missing is not null);
        var facts = new SourceNode(node, _shapes, _opset);
        NoGradient? missing = null;
        var rule = blocked is null ? Rules.For(facts, out missing) : null;
        for (var i = 0; i < node.Input.Count; i++)
        {
            if (node.Input[i].Length > 0 && CarriesGradient(node.Input[i]))
            {
                Arrive(node.Input[i], blocked ?? missing ?? (rule!.Reaches(facts, i) ? null : NoInput(node, i)));
            }
        }
        foreach (var read in OnnxGraph.ReadInside(node).Where(CarriesGradient))
        {
            Arrive(read, blocked ?? missing ?? new NoGradient(node, "there is no rule for what its graph reads"));
        }
    }

    private static NoGradient NoInput(NodeProto node, int input) => new(node, $"there is no rule for its input {input}");

    /// <summary>Whole numbers and conditions stop it; what is unknown does not.</summary>
    private bool CarriesGradient(string value) => _shapes[value] is not { } shape || SourceNode.IsFloat(shape.Type);

    /// <summary>One path that is closed closes a value: a part of its gradient would be missing.</summary>
    private void Arrive(string value, NoGradient? missing) => _arrived[value] = _arrived.GetValueOrDefault(value) ?? missing;
}
