using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>Nesterov SGD as nodes. As PyTorch defines it: g += wd * w; v = mu * v + g; w -= lr * (g + mu * v).</summary>
internal sealed class Update
{
    private readonly GraphBuilder _graph;
    private readonly string _lr, _momentum, _decay;

    private Update(GraphBuilder graph)
    {
        _graph = graph;
        (_lr, _momentum, _decay) = (Scalar("lr"), Scalar("momentum"), Scalar("weight_decay"));

        string Scalar(string name) => graph.FixedInput(name, DataType.Float);
    }

    /// <summary>Adds the hyperparameters to the inputs: the scalars <c>lr</c>, <c>momentum</c> and <c>weight_decay</c>.</summary>
    public static Update Declare(GraphBuilder graph) => new(graph);

    /// <summary>Names the tensor and its velocity after the step <c>&lt;name&gt;.next</c> and <c>&lt;name&gt;.velocity.next</c>.</summary>
    /// <param name="name">The tensor; its velocity must be in the graph too.</param>
    /// <param name="gradient">Of the mean loss.</param>
    /// <param name="lr">A scalar that counts instead of <c>lr</c>; null where that counts.</param>
    public void Write(string name, string gradient, string? lr = null)
    {
        var velocity = $"{name}{TrainStep.Velocity}";
        var decayed = _graph.Node("Add", $"{name}/decayed", [gradient, _graph.Node("Mul", $"{name}/decay", [name, _decay])]);
        var next = _graph.Node("Add", $"{velocity}{TrainStep.Next}", [_graph.Node("Mul", $"{name}/kept", [velocity, _momentum]), decayed]);
        var ahead = _graph.Node("Add", $"{name}/ahead", [decayed, _graph.Node("Mul", $"{name}/look", [next, _momentum])]);
        _graph.Node("Sub", $"{name}{TrainStep.Next}", [name, _graph.Node("Mul", $"{name}/step", [ahead, lr ?? _lr])]);
    }
}
