namespace Airbench.Onnx;

/// <summary>Layers that a gradient goes through: of the operators of a back end, and of those that are the same in all of them.</summary>
internal sealed class TrainingLayers(TrainingSpec spec, GraphBuilder graph, ITrainingOperators operators) : ILayerOperators
{
    private readonly IReadOnlySet<string> _trained = spec.Part.Layers(spec.Network);
    private readonly Dictionary<string, string> _nextStatistics = [];

    /// <summary>Running statistics after the batch by tensor name, of the batch norms that follow it.</summary>
    public IReadOnlyDictionary<string, string> NextStatistics => _nextStatistics;

    /// <inheritdoc/>
    public Differentiable Convolve(ConvLayer layer, string x, Plane input, Plane output) =>
        operators.Convolve(layer, x, $"{layer.Name}.weight", layer.HasBias ? $"{layer.Name}.bias" : null, input, output);

    /// <inheritdoc/>
    public Differentiable Normalize(BatchNormLayer layer, string x, Plane plane)
    {
        var isFrozen = !_trained.Contains(layer.Name) || spec.FrozenStatistics;
        var normalized = operators.Normalize(layer, x, NormTensors.Of(layer), spec, isFrozen, plane);
        if (!isFrozen)
        {
            _nextStatistics.Add($"{layer.Name}.running_mean", normalized.NextMean!);
            _nextStatistics.Add($"{layer.Name}.running_var", normalized.NextVariance!);
        }
        return normalized.Result;
    }

    /// <inheritdoc/>
    public Differentiable Activate(ActivationLayer layer, string x) => operators.Activate(layer, x);

    /// <inheritdoc/>
    public Differentiable MaxPool(MaxPoolLayer layer, string x, Plane input, Plane output) => operators.MaxPool(layer.Name, x, layer.Size, input, output);

    /// <inheritdoc/>
    /// <remarks>The gradient passes to both unchanged.</remarks>
    public Differentiable Add(AddLayer layer, string x, string other) =>
        new(graph.Node("Add", layer.Name, [x, other]), (gradient, _) => new Gradients(gradient));

    /// <inheritdoc/>
    public Differentiable GlobalMax(GlobalMaxPoolLayer layer, string x, Plane input, Plane output)
    {
        var pooled = operators.MaxPool($"{layer.Name}.max", x, input.Height, input, output);
        return new Differentiable(LayerNodes.Flatten(graph, layer.Name, pooled.Output), (gradient, wanted) =>
            pooled.Backward!(graph.Node("Unsqueeze", $"{layer.Name}/grad/unsqueezed", [gradient, graph.Integers(2, 3)]), wanted));
    }

    /// <inheritdoc/>
    /// <remarks>Each position gets its share of the gradient.</remarks>
    public Differentiable GlobalAverage(GlobalAveragePoolLayer layer, string x, Plane input) =>
        new(LayerNodes.GlobalAverage(graph, layer, x), (gradient, _) =>
        {
            var positions = input.Height * input.Width;
            var name = $"{layer.Name}/grad";
            var share = graph.Node("Div", $"{name}/share", [gradient, graph.Scalar($"{layer.Name}.positions", positions)]);
            var unsqueezed = graph.Node("Unsqueeze", $"{name}/unsqueezed", [share, graph.Integers(2, 3)]);
            return new Gradients(graph.Node("Expand", name, [unsqueezed, graph.Integers(1, 1, input.Height, input.Width)]));
        });

    /// <inheritdoc/>
    public Differentiable Linear(LinearLayer layer, string x) => Linear(graph, layer, x);

    /// <summary>The linear layer, also of a graph that has no other.</summary>
    public static Differentiable Linear(GraphBuilder graph, LinearLayer layer, string x)
    {
        var (weight, bias, scale) = ($"{layer.Name}.weight", $"{layer.Name}.bias", (float)layer.Scale);
        return new Differentiable(LayerNodes.Linear(graph, layer, x), (gradient, wanted) =>
        {
            var (dx, dw, db) = ((string?)null, (string?)null, (string?)null);
            if (wanted.Input)
            {
                dx = graph.Node("Gemm", $"{layer.Name}/grad", [gradient, weight], [Attribute.Float("alpha", scale)]);
            }
            if (wanted.Parameters)
            {
                dw = graph.Node("Gemm", $"{weight}/grad", [gradient, x], [Attribute.Int("transA", 1), Attribute.Float("alpha", scale)]);
                if (layer.HasBias)
                {
                    var sum = graph.Node("ReduceSum", $"{bias}/grad/sum", [gradient, graph.Integers(0)], [Attribute.Int("keepdims", 0)]);
                    db = graph.Node("Mul", $"{bias}/grad", [sum, graph.Scalar($"{layer.Name}.scale", scale)]);
                }
            }
            return new Gradients(dx, dw, db);
        });
    }
}
