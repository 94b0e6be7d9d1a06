using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>A network of ours as what a training step is generated from: its layers as <see cref="ForwardWriter"/> writes them.</summary>
/// <remarks>Nothing is folded: a batch norm that learns needs its convolution's own output.</remarks>
internal static class NetworkSource
{
    /// <summary>The source.</summary>
    /// <param name="spec">Network and what learns.</param>
    /// <param name="frozen">Values of the tensors that stay, by name; null where the model that is generated has all tensors of the network.</param>
    /// <param name="opset">Whose operators.</param>
    public static TrainingSource Of(TrainingSpec spec, FrozenValues? frozen, int opset)
    {
        var (network, head) = (spec.Network, spec.Network.Head());
        var stays = spec.Frozen.Select(t => t.Name).ToHashSet();
        var graph = new GraphBuilder("features");
        var features = ForwardWriter.WriteFeatures(graph, network, opset, InputOptions.Default, layer =>
        {
            foreach (var (name, shape) in layer.Parameters())
            {
                // Others are inputs of the step: only their shape counts here.
                graph.Initializer(name, frozen is not null && stays.Contains(name) ? frozen(name) : new float[shape.Aggregate(1L, (a, b) => a * b)], shape);
            }
        });
        graph.Output(features, DataType.Float, head.In);
        var backbone = new OnnxGraph(graph.Build(opset));
        return new TrainingSource(backbone, ValueShapes.Measure(backbone, "the network"))
        {
            ImageType = DataType.Uint8,
            Head = head,
            Learned = [.. spec.Trained.Select(t => t.Name).Except(head.Parameters().Select(t => t.Name))],
            KeepsStatistics = spec.FrozenStatistics,
            LabelSmoothing = spec.LabelSmoothing,
            BatchNormMomentum = spec.BatchNormMomentum,
            UsualBatch = double.PositiveInfinity,   // images are small and batches large
            Given = frozen is null ? [.. stays] : [],
        };
    }
}
