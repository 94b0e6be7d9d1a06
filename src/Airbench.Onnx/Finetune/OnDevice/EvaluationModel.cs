using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// eval_model.onnx: the network as deployed, on the session's tensors as they are. Inputs and outputs are those of the training model: the
/// session's JavaScript API names both models' outputs after the training model's. The loss is without label smoothing.
/// </summary>
internal static class EvaluationModel
{
    /// <summary>Builds the model.</summary>
    public static ModelProto Build(TrainingSpec spec)
    {
        var graph = new GraphBuilder("evaluation");
        TrainingModel.DeclareTensors(spec, graph);
        var logits = ForwardWriter.Write(graph, spec.Network, Domains.Opset, InputOptions.Default);
        var labels = graph.Input("labels", DataType.Int64);
        graph.FixedOutput(graph.Node("SoftmaxCrossEntropyLoss", "loss", [logits, labels]), DataType.Float);
        graph.FixedOutput(logits, DataType.Float, GraphBuilder.Batch, TrainingGraph.Classes);
        return Domains.Build(graph);
    }
}
