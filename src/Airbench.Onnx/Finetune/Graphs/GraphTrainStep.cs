using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// <c>train_step.onnx</c> of any graph that gives features, as <see cref="TrainStep"/> is that of a network of ours: a linear head on the features, and
/// of the constants of the graph those that learn.
/// </summary>
/// <remarks>
/// Inputs: <c>images</c>, <c>labels</c> int64 [N], <c>weights</c> float32 [N] (a factor on the loss of each image; the loss is their weighted mean), the
/// scalars <c>lr</c>, <c>momentum</c>, <c>weight_decay</c> and <c>head_lr</c> (that of the head, where <c>lr</c> is that of all others), and the state: <c>head.weight</c>
/// [K,F], <c>head.bias</c> [K], what learns under its own name, velocities, and running statistics that move. Outputs: <c>loss</c>, <c>logits</c>
/// [N,K] and <c>&lt;name&gt;.next</c> of the state. N and K are open. The update is that of <see cref="TrainStep"/>.
/// </remarks>
/// <param name="Backbone">One input, and one output float32 [N,F]; opset 13 to 22. It stays as it is.</param>
/// <param name="Shapes">Its shapes.</param>
internal sealed record GraphTrainStep(OnnxGraph Backbone, ValueShapes Shapes)
{
    /// <summary>The input for the learning rate of the head.</summary>
    public const string HeadLr = "head_lr";

    /// <summary>The input for the factors on the losses.</summary>
    public const string Weights = "weights";

    private const string Images = "images", Labels = "labels", HeadWeight = "head.weight", HeadBias = "head.bias";

    /// <summary>First opset in which ScatterElements adds, which windows that overlap need. Newer operators do the same with what older files say.</summary>
    private const int LeastOpset = 16;

    /// <summary>The value that <c>images</c> stands for; everything behind it must depend on no other input.</summary>
    public string Start { get; init; } = Backbone.Model.Graph.Input.First(input => Backbone.Constant(input.Name) is null).Name;

    /// <summary>Element type of <c>images</c>: float32, or uint8, whose numbers are those of the value.</summary>
    public DataType ImageType { get; init; } = DataType.Float;

    /// <summary>Names of the constants that learn besides the head; <see cref="GradientPaths.Trainable"/> says which can.</summary>
    public IReadOnlyList<string> Learned { get; init; } = [];

    /// <summary>
    /// Whether batch norms that learn still normalize with their running statistics, and keep them. Otherwise they normalize with those of the batch, and
    /// the running ones follow. Batch norms that do not learn are always as in deployment.
    /// </summary>
    public bool KeepsStatistics { get; init; } = true;

    /// <summary>Share of probability, 0 to 1, that the loss spreads over all classes.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>Share of the batch statistics that enters the running ones at a step, 0 to 1 (PyTorch's convention).</summary>
    public double BatchNormMomentum { get; init; } = 0.1;

    /// <summary>Number of features F.</summary>
    public long Width => Shapes[Features] is { Rank: 2, Type: DataType.Float } shape && shape.Extents[0].IsBatch && !shape.Extents[1].IsPerImage
        ? shape.Extents[1].Count
        : throw new ArgumentException($"the output '{Features}' is {Shapes[Features]?.ToString() ?? "of unknown shape"}; expected features, float [N,F]");

    private string Features => Backbone.Model.Graph.Output.Single().Name;

    private int Opset => Math.Max(GradientPaths.OpsetOf(Backbone), LeastOpset);

    /// <summary>The state in the order of the inputs: name and shape.</summary>
    /// <param name="classes">Rows of the head.</param>
    public IReadOnlyList<(string Name, long[] Shape)> State(int classes)
    {
        (string Name, long[] Shape)[] trained = [(HeadWeight, [classes, Width]), (HeadBias, [classes]), .. Learned.Select(Constant)];
        return [.. trained, .. trained.Select(t => ($"{t.Name}{TrainStep.Velocity}", t.Shape)), .. Moving.Select(Constant)];
    }

    /// <summary>The model of a step.</summary>
    /// <exception cref="ConfigurationException">A constant that learns has a name that the step needs itself.</exception>
    /// <exception cref="ArgumentException">No gradient comes to a constant that is to learn, or the features depend on more than <see cref="Start"/>.</exception>
    public ModelProto Build()
    {
        var graph = new GraphBuilder("train_step");
        var images = Input(graph);
        var labels = graph.Input(Labels, DataType.Int64);
        var weights = graph.Input(Weights, DataType.Float);
        var update = Update.Declare(graph);
        var headLr = graph.FixedInput(HeadLr, DataType.Float);
        Declare(graph, State(1));
        var statistics = KeepsStatistics ? null : new MovingStatistics(Moving.ToHashSet(), BatchNormMomentum, []);
        var pass = new BackwardPass(Backbone, Shapes, graph, Opset, Learned.ToHashSet(), statistics);
        var head = WriteForward(graph, pass, images);

        var total = graph.Node("ReduceSum", "weights/sum", [weights], [Attribute.Int("keepdims", 0)]);
        var (loss, gradient) = CrossEntropy.Write(graph, head.Output, labels, LabelSmoothing, total, weights);
        var gradients = head.Backward!(gradient, new Wanted(Input: Learned.Count > 0, Parameters: true));
        update.Write(HeadWeight, gradients.Weight!, headLr);
        update.Write(HeadBias, gradients.Bias!, headLr);
        if (Learned.Count > 0)
        {
            var found = pass.Backward(Features, gradients.Input!);
            foreach (var name in Learned)
            {
                update.Write(name, found[name]);
            }
        }
        foreach (var name in Moving)
        {
            graph.Node("Identity", $"{name}{TrainStep.Next}", [statistics!.Next[name]]);
        }
        graph.FixedOutput(loss, DataType.Float);
        graph.FixedOutput(head.Output, DataType.Float, GraphBuilder.Batch, TrainingGraph.Classes);
        foreach (var (name, shape) in State(1))
        {
            graph.FixedOutput($"{name}{TrainStep.Next}", DataType.Float, Open(name, shape));
        }
        return Finish(graph);
    }

    /// <summary>The model that answers as in deployment with a given state: <c>images</c> and the state without velocities in, <c>logits</c> out.</summary>
    /// <exception cref="ConfigurationException">As of <see cref="Build"/>.</exception>
    public ModelProto BuildEvaluation()
    {
        var graph = new GraphBuilder("evaluation");
        var images = Input(graph);
        Declare(graph, State(1).Where(t => !t.Name.EndsWith(TrainStep.Velocity, StringComparison.Ordinal)));
        var logits = WriteForward(graph, new BackwardPass(Backbone, Shapes, graph, Opset, new HashSet<string>()), images).Output;
        graph.FixedOutput(logits, DataType.Float, GraphBuilder.Batch, TrainingGraph.Classes);
        return Finish(graph);
    }

    /// <summary>Running means and variances that follow the batches: those of batch norms that learn, where no other node reads them.</summary>
    private IReadOnlyList<string> Moving => KeepsStatistics ? [] :
    [
        .. Backbone.Nodes.Where(node => node.OpType == "BatchNormalization" && node.Input.Skip(1).Take(2).Any(Learned.Contains))
            .Where(node => node.Input.Skip(3).Take(2).All(name => Backbone.Constant(name) is not null && Backbone.Readers(name).Count == 1))
            .SelectMany(node => node.Input.Skip(3).Take(2)),
    ];

    private (string Name, long[] Shape) Constant(string name) => Backbone.Constant(name) is { } tensor
        ? (name, [.. tensor.Dims]) : throw new ArgumentException($"the graph has no constant '{name}'");

    private string Input(GraphBuilder graph)
    {
        var shape = Shapes[Start] is { Rank: > 0, Type: DataType.Float } found && found.Extents[0].IsBatch && !found.Extents.Skip(1).Any(extent => extent.IsPerImage)
            ? found : throw new ArgumentException($"the value '{Start}' is {Shapes[Start]?.ToString() ?? "unknown"}; expected float [N,...] with one row for each image");
        var images = graph.Input(Images, ImageType, [.. shape.Extents.Skip(1).Select(extent => extent.Count)]);
        return ImageType == DataType.Float ? images : graph.Node("Cast", "images/float", [images], [Attribute.Int("to", (long)DataType.Float)]);
    }

    private void Declare(GraphBuilder graph, IEnumerable<(string Name, long[] Shape)> state)
    {
        string[] ours = [Images, Labels, Weights, "lr", "momentum", "weight_decay", HeadLr, HeadWeight, HeadBias, "loss", "logits"];
        foreach (var name in Learned.Concat(Moving))
        {
            if (ours.Contains(name) || name.EndsWith(TrainStep.Velocity, StringComparison.Ordinal) || name.EndsWith(TrainStep.Next, StringComparison.Ordinal))
            {
                throw new ConfigurationException($"the constant '{name}' cannot learn, as the training step uses that name itself: rename it in the ONNX file");
            }
        }
        foreach (var (name, shape) in state)
        {
            graph.FixedInput(name, DataType.Float, Open(name, shape));
        }
    }

    private Differentiable WriteForward(GraphBuilder graph, BackwardPass pass, string images)
    {
        pass.Bind(Start, images);
        foreach (var name in Learned.Concat(Moving))
        {
            pass.Bind(name, name);
        }
        return TrainingLayers.Linear(graph, new LinearLayer("head", 0, 0, Scale: 1) { HasBias = true }, pass.Forward(Features));
    }

    private static Extent[] Open(string name, long[] shape) =>
        name is HeadWeight or HeadBias or $"{HeadWeight}{TrainStep.Velocity}" or $"{HeadBias}{TrainStep.Velocity}"
            ? [TrainingGraph.Classes, .. shape.Skip(1).Select(extent => (Extent)extent)] : [.. shape.Select(extent => (Extent)extent)];

    /// <summary>With the versions of operators of other domains that nodes are copied from.</summary>
    private ModelProto Finish(GraphBuilder graph)
    {
        var model = graph.Build(Opset);
        model.IrVersion = Math.Max(model.IrVersion, Backbone.Model.IrVersion);
        model.OpsetImport.AddRange(Backbone.Model.OpsetImport.Where(opset => opset.Domain is not ("" or "ai.onnx")));
        return model;
    }
}
