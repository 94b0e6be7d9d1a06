using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Forward and backward pass as graph nodes: the loss on a batch, its logits, the gradient of every tensor that learns,
/// and the running statistics after the batch. What becomes of them is for the caller: an optimizer inside the graph, or outputs.
/// </summary>
/// <remarks>The number of classes is open (<see cref="Classes"/>), so that one graph serves any new head.</remarks>
internal sealed class TrainingGraph
{
    /// <summary>Name of the open dimension of the classes.</summary>
    public const string Classes = "K";

    private readonly Dictionary<string, string> _gradients = [];

    private TrainingGraph(string loss, string logits) => (Loss, Logits) = (loss, logits);

    /// <summary>The mean loss, a scalar.</summary>
    public string Loss { get; }

    /// <summary>float32 (N, K).</summary>
    public string Logits { get; }

    /// <summary>Gradient of the mean loss by tensor name, for each that learns.</summary>
    public IReadOnlyDictionary<string, string> Gradients => _gradients;

    /// <summary>Statistics after the batch by tensor name, for each of <see cref="TrainingSource.Moving"/>.</summary>
    public IReadOnlyDictionary<string, string> NextStatistics { get; private set; } = new Dictionary<string, string>();

    /// <summary>Adds both passes.</summary>
    /// <param name="graph">Where to. What learns, statistics that move and what is given are in it under their own names.</param>
    /// <param name="source">The network.</param>
    /// <param name="images">What <see cref="TrainingSource.AddImages"/> gave.</param>
    /// <param name="labels">int64 (N).</param>
    /// <param name="weights">A factor on the loss of each image, float32 (N); null where all count 1.</param>
    /// <param name="rules">Rules that stand in for the usual ones; null for none.</param>
    /// <exception cref="ArgumentException">No gradient comes to a constant that is to learn, or the features depend on more than their start.</exception>
    public static TrainingGraph Write(
        GraphBuilder graph, TrainingSource source, string images, string labels, string? weights = null, IReadOnlyDictionary<string, Rule>? rules = null)
    {
        var statistics = new MovingStatistics(source.Moving.ToHashSet(), source.BatchNormMomentum, []);
        var pass = new BackwardPass(source.Backbone, source.Shapes, graph, source.Opset, source.Learned.ToHashSet(), statistics)
        {
            Images = source.UsualBatch,
            RulesInstead = rules,
        };
        var features = source.WriteForward(pass, images);
        var (training, gradient) = WriteHead(graph, source.Head, features, labels, source.LabelSmoothing, weights, source.Learned.Count > 0);
        if (gradient is not null)
        {
            foreach (var (name, found) in pass.Backward(source.Features, gradient))
            {
                training._gradients.Add(name, found);
            }
        }
        training.NextStatistics = statistics.Next;
        return training;
    }

    /// <summary>Adds both passes of a head.</summary>
    /// <returns>With the gradients of the head, and that of the features where it is wanted.</returns>
    public static (TrainingGraph Training, string? Gradient) WriteHead(
        GraphBuilder graph, LinearLayer layer, string features, string labels, double labelSmoothing, string? weights = null, bool wantsInput = false)
    {
        var head = HeadLayer.Write(graph, layer, features);
        var (loss, gradient) = CrossEntropy.Write(graph, head.Output, labels, labelSmoothing, Total(graph, labels, weights), weights);
        var gradients = head.Backward!(gradient, new Wanted(wantsInput, Parameters: true));
        var training = new TrainingGraph(loss, head.Output);
        training._gradients.Add($"{layer.Name}.weight", gradients.Weight!);
        if (gradients.Bias is { } bias)
        {
            training._gradients.Add($"{layer.Name}.bias", bias);
        }
        return (training, gradients.Input);
    }

    /// <summary>Adds the update of a step and its outputs: <c>loss</c>, <c>logits</c>, and <c>&lt;name&gt;.next</c> of the state.</summary>
    /// <param name="graph">Where to.</param>
    /// <param name="update">The rule.</param>
    /// <param name="state">Every tensor of it, with its extents.</param>
    /// <param name="rateOf">A scalar that counts for a tensor instead of <c>lr</c>; null where that counts.</param>
    public void WriteNext(GraphBuilder graph, Update update, IReadOnlyList<(string Name, Extent[] Shape)> state, Func<string, string?>? rateOf = null)
    {
        foreach (var (name, _) in state)
        {
            if (Gradients.TryGetValue(name, out var gradient))
            {
                update.Write(name, gradient, rateOf?.Invoke(name));
            }
            else if (NextStatistics.TryGetValue(name, out var next))
            {
                graph.Node("Identity", $"{name}{TrainStep.Next}", [next]);
            }
        }
        graph.FixedOutput(Loss, DataType.Float);
        graph.FixedOutput(Logits, DataType.Float, GraphBuilder.Batch, Classes);
        foreach (var (name, shape) in state)
        {
            graph.FixedOutput($"{name}{TrainStep.Next}", DataType.Float, shape);
        }
    }

    /// <summary>By what a sum over the batch is divided, as float32 scalar: the number of images, or the sum of their weights.</summary>
    private static string Total(GraphBuilder graph, string labels, string? weights)
    {
        if (weights is not null)
        {
            return graph.Node("ReduceSum", "weights/sum", [weights], [Attribute.Int("keepdims", 0)]);
        }
        var count = graph.Node("Squeeze", "batch/count", [graph.Node("Shape", "batch/shape", [labels]), graph.Integers(0)]);
        return graph.Node("Cast", "batch", [count], [Attribute.Int("to", (long)DataType.Float)]);
    }
}
