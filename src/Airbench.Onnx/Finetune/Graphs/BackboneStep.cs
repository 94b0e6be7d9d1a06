using System.Runtime.InteropServices;
using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>The training step of a trained model with a backbone: from bytes, through everything that does not learn, to the head.</summary>
internal static class BackboneStep
{
    /// <summary>The step.</summary>
    /// <param name="backbone">The backbone.</param>
    /// <param name="part">What learns.</param>
    /// <param name="labelSmoothing">Of the loss.</param>
    /// <param name="keepsStatistics">Whether batch norms that learn keep their running statistics.</param>
    /// <exception cref="InvalidFileException">It has no such part.</exception>
    public static GraphTrainStep Of(BackboneFile backbone, TrainedPart part, double labelSmoothing, bool keepsStatistics)
    {
        var graph = new OnnxGraph(ProtoFile.Read(backbone.Path, ModelProto.Parser));
        var shapes = ValueShapes.Measure(graph, backbone.Path);
        return new GraphTrainStep(graph, shapes)
        {
            ImageType = DataType.Uint8,
            Learned = part == TrainedPart.Head ? [] : LearnedParts.Of(graph, shapes, backbone.LastBlock, part, backbone.Path).Weights,
            LabelSmoothing = labelSmoothing,
            KeepsStatistics = keepsStatistics,
        };
    }

    /// <summary>An engine on it.</summary>
    public static OnnxFinetuneEngine OpenEngine(FinetuneRequest request, BackboneFile backbone)
    {
        var step = Of(backbone, request.Part, request.LabelSmoothing, request.FrozenStatistics);
        var (train, answer) = (Path.Combine(request.Folder, TrainingFiles.TrainStepName), Path.Combine(request.Folder, "evaluate.onnx"));
        NetworkExporter.Save(step.Build(), train);
        NetworkExporter.Save(step.BuildEvaluation(), answer);
        var start = Path.Combine(request.Folder, "state.safetensors");
        WriteState(step, request.WeightsFile, start);
        return OnnxFinetuneEngine.Open(request with { WeightsFile = start }, train, answer, step.State(request.Network.ClassCount));
    }

    /// <summary>The head, and every tensor of the backbone that the step changes.</summary>
    public static void WriteState(GraphTrainStep step, string headFile, string path)
    {
        using var head = TensorFile.Open(headFile);
        var classes = (int)head.Tensors["head.bias"].Shape[0];
        TensorFileWriter.Write(path, step.State(classes).Where(tensor => !tensor.Name.EndsWith(TrainStep.Velocity, StringComparison.Ordinal)).Select(tensor =>
            (tensor.Name, TensorType.F32, tensor.Shape, (ReadOnlyMemory<byte>)MemoryMarshal.AsBytes<float>(head.Tensors.TryGetValue(tensor.Name, out var found)
                ? head.Read<float>(found)
                : Tensors.Floats(step.Backbone.Constant(tensor.Name)!)).ToArray())));
    }
}
