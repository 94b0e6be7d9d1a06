using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// training_model.onnx: forward and backward pass of a network, as a TrainingSession runs it. Inputs <c>images</c>, <c>labels</c>, and all
/// tensors of the network, which the session takes from the checkpoint; outputs <c>loss</c> and <c>logits</c>.
/// </summary>
internal static class TrainingModel
{
    private const string Reset = "lazy_reset_grad";

    /// <summary>Builds the model.</summary>
    /// <param name="spec">Network, what learns, and the loss.</param>
    /// <param name="weightDecay">Multiple of a tensor that is added to its gradient.</param>
    public static ModelProto Build(TrainingSpec spec, double weightDecay)
    {
        var graph = new GraphBuilder("training");
        DeclareTensors(spec, graph);
        var source = NetworkSource.Of(spec, frozen: null, Domains.Opset);
        var training = TrainingGraph.Write(graph, source, source.AddImages(graph), graph.Input("labels", DataType.Int64), rules: RuntimeRules.All);
        graph.FixedOutput(training.Loss, DataType.Float);
        graph.FixedOutput(training.Logits, DataType.Float, GraphBuilder.Batch, TrainingGraph.Classes);
        Accumulate(graph, [.. spec.Trained.Select(t => (t.Name, TrainStep.Open(spec, t.Name, t.Shape), Decayed(t.Name)))]);
        foreach (var (name, _) in spec.MovingStatistics)
        {
            Replace(graph, name, training.NextStatistics[name]);
        }
        return Domains.Build(graph);

        string Decayed(string tensor)
        {
            var gradient = training.Gradients[tensor];
            if (weightDecay == 0)
            {
                return gradient;
            }
            var decay = graph.Node("Mul", $"{tensor}/decay", [tensor, graph.Scalar("weight_decay", (float)weightDecay)]);
            return graph.Node("Add", $"{tensor}/decayed", [gradient, decay]);
        }
    }

    /// <summary>All tensors of the network as inputs; the head's class dimension is open, so that a checkpoint may hold any head.</summary>
    public static void DeclareTensors(TrainingSpec spec, GraphBuilder graph)
    {
        foreach (var (name, shape) in spec.Network.Parameters())
        {
            graph.FixedInput(name, DataType.Float, TrainStep.Open(spec, name, shape));
        }
    }

    /// <summary>
    /// Adds each gradient to the session's buffer for it, or puts it in the place of what is there after the session's LazyResetGrad.
    /// </summary>
    /// <remarks>The session knows the buffers, and the outputs that say they are ready, by these names. The loss must be the first output.</remarks>
    public static void Accumulate(GraphBuilder graph, IReadOnlyList<(string Parameter, IEnumerable<Extent> Shape, string Gradient)> gradients)
    {
        foreach (var (parameter, shape, _) in gradients)
        {
            graph.FixedInput(Buffer(parameter), DataType.Float, shape);
        }
        graph.FixedInput(Reset, DataType.Bool, 1);
        foreach (var (parameter, _, gradient) in gradients)
        {
            var done = $"{parameter}_grad.accumulation.out";
            graph.Node("InPlaceAccumulatorV2", $"{parameter}_grad.accumulation", [Buffer(parameter), gradient, Reset], [done], [], Domains.Microsoft);
            graph.FixedOutput(done, DataType.Bool, 1);
        }

        static string Buffer(string parameter) => $"{parameter}_grad.accumulation.buffer";
    }

    /// <summary>Puts <paramref name="next"/> into the memory of an input: what a session has in the place of state outputs.</summary>
    private static void Replace(GraphBuilder graph, string tensor, string next)
    {
        var always = graph.Node("Cast", $"{tensor}/always", [graph.Ones(1)], [Attribute.Int("to", (long)DataType.Bool)]);
        graph.Node("InPlaceAccumulatorV2", $"{tensor}/replace", [tensor, next, always], [$"{tensor}/replaced"], [], Domains.Microsoft);
    }
}
