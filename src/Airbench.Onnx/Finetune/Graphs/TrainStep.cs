using System.Text.Json;
using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// <c>train_step.onnx</c>: one step of Nesterov SGD as a model of standard operators. It takes a batch, the hyperparameters and the state,
/// and gives the loss, the logits and the next state; whoever runs it feeds that back.
/// </summary>
/// <remarks>
/// Inputs: <c>images</c> uint8 [N,3,S,S], <c>labels</c> int64 [N], the scalars <c>lr</c>, <c>momentum</c>, <c>weight_decay</c> (float32), and
/// for each tensor of the state its own name: what learns, <c>&lt;name&gt;.velocity</c> beside it, and running statistics. Outputs: <c>loss</c>
/// (mean over the batch, before the update), <c>logits</c> [N,K], and <c>&lt;name&gt;.next</c> for each tensor of the state, of the same shape.
/// What does not learn is a constant of the model. As PyTorch defines it: g += wd * w; v = mu * v + g; w -= lr * (g + mu * v).
/// </remarks>
public static class TrainStep
{
    /// <summary>Suffix of the momentum buffer of a tensor.</summary>
    public const string Velocity = ".velocity";

    /// <summary>Suffix of the output that holds a state tensor after the step.</summary>
    public const string Next = ".next";

    /// <summary>Opset of the model: old enough for every runtime that still gets security fixes.</summary>
    public const int Opset = 17;

    /// <summary>The state in the order of the inputs: name and shape; the head's class dimension is that of the network.</summary>
    public static IReadOnlyList<(string Name, long[] Shape)> State(TrainingSpec spec) =>
        [.. spec.Trained, .. spec.Trained.Select(t => ($"{t.Name}{Velocity}", t.Shape)), .. spec.MovingStatistics];

    /// <summary>The model file's bytes.</summary>
    /// <param name="spec">Network and what learns.</param>
    /// <param name="weightsFile"><c>weights.safetensors</c> of the network, for the tensors that stay.</param>
    /// <exception cref="InvalidFileException">The weights do not fit the network.</exception>
    public static byte[] Write(TrainingSpec spec, string weightsFile)
    {
        using var weights = NetworkWeights.Open(weightsFile, spec.Network);
        return Google.Protobuf.MessageExtensions.ToByteArray(Build(spec, name => weights[name]));
    }

    /// <summary>
    /// The bytes of a model that answers as in deployment with a given state: <c>images</c> and the state's tensors without velocities in,
    /// <c>logits</c> out. Nothing is folded, so it is independent of what the export does.
    /// </summary>
    /// <param name="spec">Network and what learns.</param>
    /// <param name="weightsFile"><c>weights.safetensors</c> of the network, for the tensors that stay.</param>
    /// <exception cref="InvalidFileException">The weights do not fit the network.</exception>
    public static byte[] WriteEvaluation(TrainingSpec spec, string weightsFile)
    {
        using var weights = NetworkWeights.Open(weightsFile, spec.Network);
        var graph = new GraphBuilder("evaluation");
        foreach (var (name, shape) in spec.Frozen)
        {
            graph.Initializer(name, weights[name], shape);
        }
        foreach (var (name, shape) in spec.Trained.Concat(spec.MovingStatistics))
        {
            graph.FixedInput(name, DataType.Float, Open(spec, name, shape));
        }
        var logits = ForwardWriter.Write(graph, spec.Network, Opset, InputOptions.Default);
        graph.FixedOutput(logits, DataType.Float, GraphBuilder.Batch, TrainingGraph.Classes);
        return Google.Protobuf.MessageExtensions.ToByteArray(graph.Build(Opset));
    }

    /// <summary>Builds the model.</summary>
    /// <param name="spec">Network and what learns.</param>
    /// <param name="frozen">Values of the tensors that stay, by name.</param>
    internal static ModelProto Build(TrainingSpec spec, FrozenValues frozen)
    {
        var graph = new GraphBuilder("train_step");
        var update = Update.Declare(graph);
        foreach (var (name, shape) in State(spec))
        {
            graph.FixedInput(name, DataType.Float, Open(spec, name, shape));
        }
        var source = NetworkSource.Of(spec, frozen, Opset);
        var training = TrainingGraph.Write(graph, source, source.AddImages(graph), graph.Input("labels", DataType.Int64));
        training.WriteNext(graph, update, [.. State(spec).Select(t => (t.Name, Open(spec, t.Name, t.Shape).ToArray()))]);
        var model = graph.Build(Opset);
        model.DocString = "One step of Nesterov SGD: feed every <name>.next back as <name>. See the metadata for what learns.";
        foreach (var (key, value) in Metadata(spec))
        {
            model.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
        }
        return model;
    }

    /// <summary>A shape whose class dimension, where it has one, is open.</summary>
    internal static IEnumerable<Extent> Open(TrainingSpec spec, string name, long[] shape) =>
        shape.Select((extent, i) => i == 0 && spec.Network.Head().Parameters().Any(p => name.StartsWith(p.Name, StringComparison.Ordinal))
            ? TrainingGraph.Classes : (Extent)extent);

    private static IEnumerable<(string Key, string Value)> Metadata(TrainingSpec spec)
    {
        yield return ("train", TrainedParts.NameOf(spec.Part));
        yield return ("loss", FormattableString.Invariant($"cross-entropy, mean over the batch, label smoothing {spec.LabelSmoothing}"));
        yield return ("optimizer", "Nesterov SGD; weight decay on everything that learns");
        yield return ("batch_norm", spec.MovingStatistics.Count == 0 ? "running statistics" : FormattableString.Invariant(
            $"statistics of the batch where it learns, momentum {spec.BatchNormMomentum}"));
        yield return ("state", JsonSerializer.Serialize(State(spec).Select(t => t.Name)));
        yield return ("preprocessing", NetworkExporter.Preprocessing(spec.Network, InputOptions.Default));
    }
}
