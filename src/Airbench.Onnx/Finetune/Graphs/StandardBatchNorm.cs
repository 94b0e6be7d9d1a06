namespace Airbench.Onnx;

/// <summary>Batch norm and its gradients in standard operators; per-channel values have the shape (1, C, 1, 1).</summary>
/// <remarks>
/// ONNX's own BatchNormalization with training_mode does not give the batch's mean and variance, which the way back needs.
/// The variance is that of centred values: the difference of mean squares would lose digits where the mean is large.
/// </remarks>
internal sealed class StandardBatchNorm(GraphBuilder graph, BatchNormLayer layer, string x, NormTensors tensors, float epsilon)
{
    private readonly string _name = layer.Name;

    /// <summary>Mean or sum over everything but the channels.</summary>
    public static string OverBatch(GraphBuilder graph, string op, string name, string x) => op == "ReduceSum"   // its axes are an input since opset 13
        ? graph.Node(op, name, [x, graph.Integers(0, 2, 3)], [Attribute.Int("keepdims", 1)])
        : graph.Node(op, name, [x], [Attribute.Ints("axes", 0, 2, 3), Attribute.Int("keepdims", 1)]);

    /// <summary>(x - mean) / sqrt(var + epsilon) * weight + bias with the batch's own mean and variance.</summary>
    /// <param name="momentum">Share of the batch in the next running statistics; its variance enters them unbiased, n / (n - 1).</param>
    /// <param name="count">Values n of a channel.</param>
    public NormalizedBatch WithBatchStatistics(float momentum, string count)
    {
        var mean = Mean("mean", x);
        var centred = Node("Sub", "centred", x, mean);
        var variance = Mean("variance", Node("Mul", "squares", centred, centred));
        var inverse = Inverse(variance);
        var factor = layer.HasScale ? Node("Mul", "factor", inverse, Channelwise(tensors.Weight)) : inverse;
        var y = graph.Node("Add", _name, [Node("Mul", "scaled", centred, factor), Channelwise(tensors.Bias)]);

        var one = graph.Scalar("norm.one", 1);
        var others = Node("Max", "others", Node("Sub", "less", count, one), one);
        var unbiased = Node("Mul", "unbiased", variance, Node("Div", "correction", count, others));
        return new NormalizedBatch(
            new Differentiable(y, (gradient, wanted) =>
            {
                var product = Mean("grad/product", Node("Mul", "grad/products", gradient, centred));
                var average = Mean("grad/average", gradient);
                string? dx = null;
                if (wanted.Input)   // factor * (dy - mean(dy) - xhat * mean(dy * xhat)) with xhat = centred * inverse
                {
                    var pull = Node("Mul", "grad/pull", product, Node("Mul", "grad/inverse2", inverse, inverse));
                    var level = Node("Sub", "grad/level", gradient, average);
                    dx = Node("Mul", "grad", Node("Sub", "grad/rest", level, Node("Mul", "grad/slope", centred, pull)), factor);
                }
                return wanted.Parameters
                    ? Parameters(dx, Node("Mul", "grad/scaled", Node("Mul", "grad/total", product, count), inverse), Node("Mul", "grad/sum", average, count))
                    : new Gradients(dx);
            }),
            Next("next_mean", tensors.Mean, mean, momentum), Next("next_var", tensors.Variance, unbiased, momentum));
    }

    /// <summary>As in deployment: the running mean and variance are constants, also on the way back.</summary>
    public NormalizedBatch WithRunningStatistics()
    {
        var y = LayerNodes.Normalize(graph, layer, x, epsilon);
        return new NormalizedBatch(
            new Differentiable(y, (gradient, wanted) =>
            {
                var inverse = Inverse(Channelwise(tensors.Variance));
                string? dx = null;
                if (wanted.Input)
                {
                    dx = Node("Mul", "grad", gradient, layer.HasScale ? Node("Mul", "factor", inverse, Channelwise(tensors.Weight)) : inverse);
                }
                if (!wanted.Parameters)
                {
                    return new Gradients(dx);
                }
                string? scaled = null;
                if (layer.HasScale)
                {
                    var centred = Node("Sub", "centred", x, Channelwise(tensors.Mean));
                    scaled = Node("Mul", "grad/scaled", Sum("grad/product", Node("Mul", "grad/products", gradient, centred)), inverse);
                }
                return Parameters(dx, scaled, Sum("grad/sum", gradient));
            }), null, null);
    }

    private Gradients Parameters(string? dx, string? weight, string bias) => new(
        dx,
        layer.HasScale ? graph.Node("Reshape", $"{_name}.weight/grad", [weight!, graph.Integers(-1)]) : null,
        graph.Node("Reshape", $"{_name}.bias/grad", [bias, graph.Integers(-1)]));

    private string Inverse(string variance)
    {
        var root = graph.Node("Sqrt", $"{_name}/deviation", [Node("Add", "padded", variance, graph.Scalar("norm.epsilon", epsilon))]);
        return graph.Node("Reciprocal", $"{_name}/inverse", [root]);
    }

    private string Next(string what, string running, string batch, float momentum)
    {
        var kept = Node("Mul", $"{what}/kept", running, graph.Scalar("norm.kept", 1 - momentum));
        var flat = graph.Node("Reshape", $"{_name}/{what}/flat", [batch, graph.Integers(-1)]);
        return Node("Add", what, kept, Node("Mul", $"{what}/share", flat, graph.Scalar("norm.momentum", momentum)));
    }

    /// <summary>(C) -> (1, C, 1, 1), once a tensor.</summary>
    private string Channelwise(string tensor)
    {
        if (!_channelwise.TryGetValue(tensor, out var value))
        {
            _channelwise[tensor] = value = graph.Node("Reshape", $"{_name}/{tensor}", [tensor, graph.Integers(1, -1, 1, 1)]);
        }
        return value;
    }

    private readonly Dictionary<string, string> _channelwise = [];

    private string Mean(string what, string of) => OverBatch(graph, "ReduceMean", $"{_name}/{what}", of);

    private string Sum(string what, string of) => OverBatch(graph, "ReduceSum", $"{_name}/{what}", of);

    private string Node(string op, string what, string a, string b) => graph.Node(op, $"{_name}/{what}", [a, b]);
}
