using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>Writes the gradients of a node's inputs, null where there is none, from those of its outputs, null where no one asked for the output.</summary>
internal delegate IReadOnlyList<string?> Backward(IReadOnlyList<string?> gradients);

/// <summary>Where a rule writes the passes of its node: the node, and its values in the graph that is written.</summary>
internal sealed class RuleScope : SourceNode
{
    private readonly string[] _inputs, _outputs;
    private readonly bool[] _wanted;

    /// <summary>A scope for one node.</summary>
    /// <param name="node">The node.</param>
    /// <param name="shapes">Shapes of the source graph.</param>
    /// <param name="opset">Of both graphs.</param>
    /// <param name="graph">The graph that is written.</param>
    /// <param name="inputs">Names of the node's inputs in it.</param>
    /// <param name="outputs">Names that its outputs get.</param>
    /// <param name="wanted">Whose gradients are asked for, by input.</param>
    /// <param name="statistics">How batch norms normalize.</param>
    public RuleScope(
        NodeProto node, ValueShapes shapes, int opset, GraphBuilder graph, string[] inputs, string[] outputs, bool[] wanted, MovingStatistics? statistics)
        : base(node, shapes, opset)
    {
        (_inputs, _outputs, _wanted, Statistics) = (inputs, outputs, wanted, statistics);
        Ahead = new NodeWriter(graph, $"pass/{outputs[0]}", opset);
        Back = new NodeWriter(graph, $"grad/{outputs[0]}", opset);
    }

    /// <summary>Writes what the forward pass needs besides the node.</summary>
    public NodeWriter Ahead { get; }

    /// <summary>Writes the backward pass.</summary>
    public NodeWriter Back { get; }

    /// <summary>Whether and how this node, if it is a batch norm, uses the statistics of the batch; null where it keeps the running ones.</summary>
    public MovingStatistics? Statistics { get; }

    /// <summary>Images in a batch that ways of computing are chosen for.</summary>
    public double Images { get; init; }

    /// <summary>An input in the graph that is written.</summary>
    public string X(int input = 0) => _inputs[input];

    /// <summary>An output in the graph that is written.</summary>
    public string Y(int output = 0) => _outputs[output];

    /// <summary>All outputs in the graph that is written.</summary>
    public IReadOnlyList<string> Outputs => _outputs;

    /// <summary>Whether the gradient of an input is asked for.</summary>
    public bool Wants(int input) => input < _wanted.Length && _wanted[input];

    /// <summary>Writes the node as it is.</summary>
    public void Copy() => CopyWith(_outputs);

    /// <summary>Writes the node with these outputs.</summary>
    public void CopyWith(IEnumerable<string> outputs)
    {
        var node = Node.Clone();
        node.Name = Y();
        node.Input.Clear();
        node.Input.AddRange(_inputs);
        node.Output.Clear();
        node.Output.AddRange(outputs);
        Back.Graph.Add(node);
    }

    /// <summary>The node as it is, and a backward pass from the gradient of its one output to that of its first input.</summary>
    public Backward Copied(Func<string, string> backward)
    {
        Copy();
        return gradients => [backward(gradients[0]!)];
    }

    /// <summary>The node as it is, and a backward pass from the gradient of its one output to those of its inputs.</summary>
    public Backward CopiedForAll(Func<string, int, string> backward)
    {
        Copy();
        return gradients => [.. Enumerable.Range(0, Node.Input.Count).Select(input => Wants(input) ? backward(gradients[0]!, input) : null)];
    }

    /// <summary>A gradient in the shape of an input.</summary>
    public string LikeInput(string gradient, int input = 0) => Back.Node("Reshape", [gradient, Back.ShapeFor(In(input), X(input))]);
}
