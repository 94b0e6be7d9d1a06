using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Forward and backward pass of a network as graph nodes: the loss on a batch, its logits, the gradient of every tensor that learns,
/// and the running statistics after the batch. What becomes of them is for the caller: an optimizer inside the graph, or outputs.
/// </summary>
/// <remarks>
/// Inputs <c>images</c> uint8 [N,3,S,S] as the exported model takes them, and <c>labels</c> int64 [N]. Nothing is folded: a batch norm that
/// learns needs its convolution's own output. The number of classes is open (<see cref="Classes"/>), so that one graph serves any new head.
/// Tensors of the network must be in the graph already under their own names, as inputs or constants.
/// </remarks>
internal sealed class TrainingGraph
{
    /// <summary>Name of the open dimension of the classes.</summary>
    public const string Classes = "K";

    private readonly TrainingSpec _spec;
    private readonly GraphBuilder _graph;
    private readonly ITrainingOperators _operators;
    private readonly IReadOnlySet<string> _trained;
    private readonly IReadOnlySet<string> _reached;              // layers that a gradient goes through
    private readonly Dictionary<string, string> _arrived = [];   // gradient of a layer's output so far
    private readonly Dictionary<string, string> _gradients = [];

    private TrainingGraph(TrainingSpec spec, GraphBuilder graph, ITrainingOperators operators)
    {
        (_spec, _graph, _operators) = (spec, graph, operators);
        _trained = spec.Part.Layers(spec.Network);
        _reached = Reached(spec.Network, _trained);
    }

    /// <summary>The mean loss, a scalar.</summary>
    public string Loss { get; private set; } = "";

    /// <summary>float32 (N, K).</summary>
    public string Logits { get; private set; } = "";

    /// <summary>Gradient of the mean loss by tensor name, for each of <see cref="TrainingSpec.Trained"/>.</summary>
    public IReadOnlyDictionary<string, string> Gradients => _gradients;

    /// <summary>Statistics after the batch by tensor name, for each of <see cref="TrainingSpec.MovingStatistics"/>.</summary>
    public IReadOnlyDictionary<string, string> NextStatistics { get; private set; } = new Dictionary<string, string>();

    /// <summary>Adds both passes to <paramref name="graph"/>.</summary>
    public static TrainingGraph Write(TrainingSpec spec, GraphBuilder graph, ITrainingOperators operators)
    {
        var training = new TrainingGraph(spec, graph, operators);
        training.Backward(training.Forward());
        return training;
    }

    private IReadOnlyList<WrittenLayer> Forward()
    {
        var images = InputWriter.WriteNormalized(_graph, _spec.Network, InputOptions.Default);
        var labels = _graph.Input("labels", DataType.Int64);
        var inference = new InferenceOperators(_graph, _spec.Network, TrainStep.Opset);
        var training = new TrainingLayers(_spec, _graph, _operators);
        var layers = ForwardWriter.Write(_spec.Network, images, layer => _reached.Contains(layer.Name) ? training : inference);
        NextStatistics = training.NextStatistics;
        Logits = layers[^1].Result.Output;
        (Loss, var gradient) = _operators.Loss(Logits, labels, _spec.LabelSmoothing);
        _arrived.Add(layers[^1].Layer.Name, gradient);
        return layers;
    }

    private void Backward(IReadOnlyList<WrittenLayer> layers)
    {
        foreach (var (layer, source, result) in layers.Reverse().Where(written => _reached.Contains(written.Layer.Name)))
        {
            var arrived = _arrived[layer.Name];
            var wanted = new Wanted(Input: IsReached(source), Parameters: _trained.Contains(layer.Name));
            var gradients = result.Backward!(arrived, wanted);
            if (wanted.Input)
            {
                Arrive(source!, gradients.Input!);
            }
            if (IsReached(layer.Addend))
            {
                Arrive(layer.Addend!, arrived);
            }
            if (wanted.Parameters)
            {
                foreach (var (name, _) in layer.Parameters().Where(p => !p.Name.Contains(".running_", StringComparison.Ordinal)))
                {
                    _gradients.Add(name, (name.EndsWith(".bias", StringComparison.Ordinal) ? gradients.Bias : gradients.Weight)!);
                }
            }
        }
    }

    private bool IsReached(string? layer) => layer is not null && _reached.Contains(layer);

    /// <summary>Adds to the gradient of a layer's output, which several layers may have read.</summary>
    private void Arrive(string layer, string gradient) =>
        _arrived[layer] = _arrived.TryGetValue(layer, out var sofar) ? _graph.Node("Add", $"{layer}/arrived", [sofar, gradient]) : gradient;

    /// <summary>The layers that learn, and those above them.</summary>
    private static HashSet<string> Reached(NetworkSpec network, IReadOnlySet<string> trained)
    {
        var reached = new HashSet<string>();
        foreach (var (layer, source, _, _) in network.SizedLayers())
        {
            if (trained.Contains(layer.Name) || (source is not null && reached.Contains(source)) || (layer.Addend is { } addend && reached.Contains(addend)))
            {
                reached.Add(layer.Name);
            }
        }
        return reached;
    }
}
