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
    private readonly InferenceLayers _inference;
    private readonly IReadOnlySet<string> _trained;
    private readonly List<Step> _order = [];
    private readonly Dictionary<string, Step> _steps = [];
    private readonly Dictionary<string, string> _arrived = [];   // gradient of a layer's output so far
    private readonly Dictionary<string, string> _gradients = [];
    private readonly Dictionary<string, string> _next = [];

    /// <summary>A layer that has been walked: its output, and its way back where a gradient goes through.</summary>
    private sealed record Step(Layer Layer, string? InputLayer, string Output, Differentiable? Derivative);

    private TrainingGraph(TrainingSpec spec, GraphBuilder graph, ITrainingOperators operators)
    {
        _spec = spec;
        _graph = graph;
        _operators = operators;
        _inference = new InferenceLayers(spec.Network, graph);
        _trained = spec.Part.Layers(spec.Network);
    }

    /// <summary>The mean loss, a scalar.</summary>
    public string Loss { get; private set; } = "";

    /// <summary>float32 (N, K).</summary>
    public string Logits { get; private set; } = "";

    /// <summary>Gradient of the mean loss by tensor name, for each of <see cref="TrainingSpec.Trained"/>.</summary>
    public IReadOnlyDictionary<string, string> Gradients => _gradients;

    /// <summary>Statistics after the batch by tensor name, for each of <see cref="TrainingSpec.MovingStatistics"/>.</summary>
    public IReadOnlyDictionary<string, string> NextStatistics => _next;

    /// <summary>Adds both passes to <paramref name="graph"/>.</summary>
    public static TrainingGraph Write(TrainingSpec spec, GraphBuilder graph, ITrainingOperators operators)
    {
        var training = new TrainingGraph(spec, graph, operators);
        training.Forward();
        training.Backward();
        return training;
    }

    private void Forward()
    {
        var network = _spec.Network;
        var x = _inference.Images();
        var labels = _graph.Input("labels", DataType.Int64);
        Step? last = null;
        foreach (var sized in network.SizedLayers())
        {
            var input = sized.Source is { } source ? _steps[source] : null;
            last = Walk(sized, input, input?.Output ?? x);
            _order.Add(last);
            _steps.Add(sized.Layer.Name, last);
        }
        Logits = last!.Output;
        (Loss, var gradient) = _operators.Loss(Logits, labels, _spec.LabelSmoothing);
        _arrived.Add(last.Layer.Name, gradient);
    }

    private Step Walk(SizedLayer sized, Step? input, string x)
    {
        var (layer, source, plane, output) = sized;
        var learns = _trained.Contains(layer.Name);
        if (!learns && !IsReached(input) && !(layer is AddLayer other && IsReached(_steps[other.From])))
        {
            return new Step(layer, source, _inference.Write(layer, x, name => _steps[name].Output), null);
        }
        var result = layer switch
        {
            ConvLayer conv => _operators.Convolve(conv, x, $"{conv.Name}.weight", conv.HasBias ? $"{conv.Name}.bias" : null, plane, output),
            BatchNormLayer norm => Normalize(norm, x, plane, learns),
            ActivationLayer activation => _operators.Activate(activation, x),
            MaxPoolLayer pool => _operators.MaxPool(pool.Name, x, pool.Size, plane, output),
            AddLayer add => SharedLayers.Add(_graph, add, x, _steps[add.From].Output),
            GlobalMaxPoolLayer pool => SharedLayers.Flatten(_graph, pool.Name, _operators.MaxPool($"{pool.Name}.max", x, plane.Height, plane, output)),
            GlobalAveragePoolLayer pool => SharedLayers.GlobalAverage(_graph, pool, x, plane),
            LinearLayer linear => SharedLayers.Linear(_graph, linear, x),
            var unknown => throw new NotSupportedException($"layer {unknown.Name} ({unknown.GetType().Name}) has no training form here"),
        };
        return new Step(layer, source, result.Output, result);
    }

    private Differentiable Normalize(BatchNormLayer norm, string x, Plane plane, bool learns)
    {
        var isFrozen = !learns || _spec.FrozenStatistics;
        var result = _operators.Normalize(norm, x, _inference.Tensors(norm), _spec, isFrozen, plane);
        if (!isFrozen)
        {
            _next.Add($"{norm.Name}.running_mean", result.NextMean!);
            _next.Add($"{norm.Name}.running_var", result.NextVariance!);
        }
        return result.Result;
    }

    private static bool IsReached(Step? step) => step?.Derivative is not null;

    private void Backward()
    {
        foreach (var step in _order.AsEnumerable().Reverse().Where(IsReached))
        {
            var (layer, arrived) = (step.Layer, _arrived[step.Layer.Name]);
            var wantsInput = step.InputLayer is { } before && IsReached(_steps[before]);
            var wanted = new Wanted(wantsInput, _trained.Contains(layer.Name));
            var gradients = step.Derivative!.Backward(arrived, wanted);
            if (wantsInput)
            {
                Arrive(step.InputLayer!, gradients.Input!);
            }
            if (layer is AddLayer add && IsReached(_steps[add.From]))
            {
                Arrive(add.From, arrived);
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

    /// <summary>Adds to the gradient of a layer's output, which several layers may have read.</summary>
    private void Arrive(string layer, string gradient) =>
        _arrived[layer] = _arrived.TryGetValue(layer, out var sofar) ? _graph.Node("Add", $"{layer}/arrived", [sofar, gradient]) : gradient;
}
