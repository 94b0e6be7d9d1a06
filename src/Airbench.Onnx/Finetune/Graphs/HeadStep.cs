using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// <c>web/train_step.onnx</c>: one step of Nesterov SGD on the head alone, as <see cref="TrainStep"/>, but from features: what the network
/// gives the head. Where nothing below it learns, an image's features stay the same from step to step, and the step needs no weights of its own.
/// </summary>
/// <remarks>
/// Inputs: <c>features</c> float32 [N,W], <c>labels</c> int64 [N], the scalars <c>lr</c>, <c>momentum</c>, <c>weight_decay</c>, and the state
/// <c>head.weight</c> [K,W], <c>head.bias</c> [K] and their velocities. The logits' factor is 1: it is part of the head that the exported
/// model holds. Outputs: <c>loss</c>, <c>logits</c>, and <c>&lt;name&gt;.next</c> of the state. N, K and W are open.
/// </remarks>
internal static class HeadStep
{
    /// <summary>Share of probability that the loss spreads over all classes.</summary>
    private const double LabelSmoothing = 0.1;

    private const string Width = "W";

    /// <summary>Builds the model; it is the same for every network.</summary>
    public static ModelProto Build()
    {
        var graph = new GraphBuilder("head_step");
        var features = graph.FixedInput("features", DataType.Float, GraphBuilder.Batch, Width);
        var labels = graph.Input("labels", DataType.Int64);
        var update = Update.Declare(graph);
        (string Name, Extent[] Shape)[] trained = [("head.weight", [TrainingGraph.Classes, Width]), ("head.bias", [TrainingGraph.Classes])];
        (string Name, Extent[] Shape)[] state = [.. trained, .. trained.Select(t => ($"{t.Name}{TrainStep.Velocity}", t.Shape))];
        foreach (var (name, shape) in state)
        {
            graph.FixedInput(name, DataType.Float, shape);
        }
        var (training, _) = TrainingGraph.WriteHead(graph, new LinearLayer("head", 0, 0, Scale: 1) { HasBias = true }, features, labels, LabelSmoothing);
        training.WriteNext(graph, update, state);
        return graph.Build(TrainStep.Opset);
    }
}
