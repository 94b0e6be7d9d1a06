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
internal sealed record GraphTrainStep(OnnxGraph Backbone, ValueShapes Shapes) : TrainingSource(Backbone, Shapes)
{
    /// <summary>The input for the learning rate of the head.</summary>
    public const string HeadLr = "head_lr";

    /// <summary>The input for the factors on the losses.</summary>
    public const string Weights = "weights";

    private const string Labels = "labels", HeadWeight = "head.weight", HeadBias = "head.bias";

    /// <summary>Number of features F.</summary>
    public long Width => Shapes[Features] is { Rank: 2, Type: DataType.Float } shape && shape.Extents[0].IsBatch && !shape.Extents[1].IsPerImage
        ? shape.Extents[1].Count
        : throw new ArgumentException($"the output '{Features}' is {Shapes[Features]?.ToString() ?? "of unknown shape"}; expected features, float [N,F]");

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
        var images = AddImages(graph);
        var labels = graph.Input(Labels, DataType.Int64);
        var weights = graph.Input(Weights, DataType.Float);
        var update = Update.Declare(graph);
        var headLr = graph.FixedInput(HeadLr, DataType.Float);
        Declare(graph, State(1));
        var training = TrainingGraph.Write(graph, this, images, labels, weights);
        training.WriteNext(graph, update, [.. State(1).Select(t => (t.Name, Open(t.Name, t.Shape)))], name => name is HeadWeight or HeadBias ? headLr : null);
        return Finish(graph);
    }

    /// <summary>The model that answers as in deployment with a given state: <c>images</c> and the state without velocities in, <c>logits</c> out.</summary>
    /// <exception cref="ConfigurationException">As of <see cref="Build"/>.</exception>
    public ModelProto BuildEvaluation()
    {
        var graph = new GraphBuilder("evaluation");
        var images = AddImages(graph);
        Declare(graph, State(1).Where(t => !t.Name.EndsWith(TrainStep.Velocity, StringComparison.Ordinal)));
        var features = WriteForward(new BackwardPass(Backbone, Shapes, graph, Opset, new HashSet<string>()), images);
        graph.FixedOutput(ForwardWriter.Linear(graph, Head, features), DataType.Float, GraphBuilder.Batch, TrainingGraph.Classes);
        return Finish(graph);
    }

    private (string Name, long[] Shape) Constant(string name) => Backbone.Constant(name) is { } tensor
        ? (name, [.. tensor.Dims]) : throw new ArgumentException($"the graph has no constant '{name}'");

    private void Declare(GraphBuilder graph, IEnumerable<(string Name, long[] Shape)> state)
    {
        string[] ours = ["images", Labels, Weights, "lr", "momentum", "weight_decay", HeadLr, HeadWeight, HeadBias, "loss", "logits"];
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
