namespace Airbench.Onnx;

/// <summary>Batch norm and its gradients in standard operators; per-channel values have the shape (1, C, 1, 1), or as many axes as the input has.</summary>
/// <remarks>
/// ONNX's own BatchNormalization with training_mode does not give the batch's mean and variance, which the way back needs.
/// The variance is that of centred values: the difference of mean squares would lose digits where the mean is large.
/// </remarks>
/// <param name="graph">Where to.</param>
/// <param name="name">Name of the output, and before those of all other values.</param>
/// <param name="x">The input, (N, C) and spatial axes.</param>
/// <param name="tensors">Parameters and running statistics.</param>
/// <param name="epsilon">Added to variances.</param>
/// <param name="rank">Axes of the input.</param>
/// <param name="opset">Whose operators.</param>
internal sealed class StandardBatchNorm(GraphBuilder graph, string name, string x, NormTensors tensors, float epsilon, int rank = 4, int opset = TrainStep.Opset)
{
    private readonly string _name = name;
    private readonly long[] _others = [0, .. Enumerable.Range(2, rank - 2).Select(axis => (long)axis)];   // all axes but the channels

    /// <summary>(x - mean) / sqrt(var + epsilon) * weight + bias with the batch's own mean and variance.</summary>
    /// <param name="momentum">Share of the batch in the next running statistics; its variance enters them unbiased, n / (n - 1).</param>
    /// <param name="count">Values n of a channel.</param>
    public NormalizedBatch WithBatchStatistics(float momentum, string count)
    {
        var mean = Mean("mean", x);
        var centred = Node("Sub", "centred", x, mean);
        var variance = Mean("variance", Node("Mul", "squares", centred, centred));
        var inverse = Inverse(variance);
        var factor = Factor(inverse);
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
    /// <remarks>x * factor + shift: ONNX Runtime's BatchNormalization has one thread and takes several times as long.</remarks>
    public NormalizedBatch WithRunningStatistics()
    {
        var inverse = Inverse(Channelwise(tensors.Variance));
        var factor = Factor(inverse);
        var shift = Node("Sub", "shift", Channelwise(tensors.Bias), Node("Mul", "level", Channelwise(tensors.Mean), factor));
        var y = graph.Node("Add", _name, [Node("Mul", "scaled", x, factor), shift]);
        return new NormalizedBatch(
            new Differentiable(y, (gradient, wanted) =>
            {
                var dx = wanted.Input ? Node("Mul", "grad", gradient, factor) : null;
                if (!wanted.Parameters)
                {
                    return new Gradients(dx);
                }
                string? scaled = null;
                if (tensors.Weight is not null)
                {
                    var centred = Node("Sub", "centred", x, Channelwise(tensors.Mean));
                    scaled = Node("Mul", "grad/scaled", Sum("grad/product", Node("Mul", "grad/products", gradient, centred)), inverse);
                }
                return Parameters(dx, scaled, Sum("grad/sum", gradient));
            }), null, null);
    }

    private Gradients Parameters(string? dx, string? weight, string bias) => new(
        dx,
        tensors.Weight is not null ? graph.Node("Reshape", $"{_name}.weight/grad", [weight!, graph.Integers(-1)]) : null,
        graph.Node("Reshape", $"{_name}.bias/grad", [bias, graph.Integers(-1)]));

    private string Factor(string inverse) => tensors.Weight is { } weight ? Node("Mul", "factor", inverse, Channelwise(weight)) : inverse;

    private string Inverse(string variance)
    {
        var padded = Node("Add", "padded", variance, graph.Scalar(FormattableString.Invariant($"norm.epsilon.{epsilon:R}"), epsilon));
        var root = graph.Node("Sqrt", $"{_name}/deviation", [padded]);
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
            _channelwise[tensor] = value = graph.Node("Reshape", $"{_name}/{tensor}", [tensor, graph.Integers([1, -1, .. Enumerable.Repeat(1L, rank - 2)])]);
        }
        return value;
    }

    private readonly Dictionary<string, string> _channelwise = [];

    private string Mean(string what, string of) => opset >= NodeWriter.AxesAreInput
        ? graph.Node("ReduceMean", $"{_name}/{what}", [of, graph.Integers(_others)])
        : graph.Node("ReduceMean", $"{_name}/{what}", [of], [Attribute.Ints("axes", _others)]);

    private string Sum(string what, string of) => graph.Node("ReduceSum", $"{_name}/{what}", [of, graph.Integers(_others)]);

    private string Node(string op, string what, string a, string b) => graph.Node(op, $"{_name}/{what}", [a, b]);
}
