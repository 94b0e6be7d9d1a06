using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Both passes with the gradient operators that builds of ONNX Runtime for training have (tried with 1.19.2): fewer nodes than the
/// standard operators need, and less memory. What they do not have is as there.
/// </summary>
internal sealed class RuntimeOperators(GraphBuilder graph) : ITrainingOperators
{
    private readonly StandardOperators _standard = new(graph);

    /// <inheritdoc/>
    public Differentiable Convolve(ConvLayer layer, string x, string weight, string? bias, Plane input, Plane output)
    {
        var y = LayerNodes.Convolve(graph, layer, x);
        return new Differentiable(y, (gradient, wanted) =>
        {
            if (!wanted.Parameters)   // ConvGrad has to give the weight's gradient, however little that is wanted
            {
                return new Gradients(StandardConvolution.InputGradient(graph, layer, gradient, weight, input, output));
            }
            var dx = wanted.Input ? $"{layer.Name}/grad" : "";
            var (dw, db) = ($"{weight}/grad", bias is null ? "" : $"{bias}/grad");
            graph.Node("ConvGrad", $"{layer.Name}/grad", [gradient, x, weight], [dx, dw, db], LayerNodes.ConvAttributes(layer), Domains.Microsoft);
            return new Gradients(wanted.Input ? dx : null, dw, bias is null ? null : db);
        });
    }

    /// <inheritdoc/>
    /// <remarks>The one gradient operator of the default domain; how large its output is, it reads from the graph.</remarks>
    public Differentiable MaxPool(string name, string x, int size, Plane input, Plane output)
    {
        var chosen = $"{name}/chosen";
        graph.Node("MaxPool", name, [x], [name, chosen], LayerNodes.PoolAttributes(size));
        return new Differentiable(name, (gradient, _) =>
        {
            var dx = graph.Node("MaxPoolGrad", $"{name}/grad", [gradient, chosen]);
            graph.Describe(dx, DataType.Float, input.Channels, input.Height, input.Width);
            return new Gradients(dx);
        });
    }

    /// <inheritdoc/>
    /// <remarks>
    /// BatchNormInternal with momentum 1 leaves the running statistics to us: its own would take in the biased variance, where PyTorch
    /// takes the unbiased one, n / (n - 1).
    /// </remarks>
    public NormalizedBatch Normalize(BatchNormLayer layer, string x, NormTensors tensors, TrainingSpec spec, bool isFrozen, Plane plane)
    {
        if (isFrozen)
        {
            return _standard.Normalize(layer, x, tensors, spec, isFrozen, plane);
        }
        var (name, weight) = (layer.Name, tensors.Weight ?? graph.Ones(layer.Channels));
        var (mean, inverse, epsilon) = ($"{name}/mean", $"{name}/inverse", Attribute.Float("epsilon", (float)spec.Network.BatchNormEpsilon));
        graph.Node("BatchNormInternal", name, [x, weight, tensors.Bias, tensors.Mean, tensors.Variance],
            [name, $"{name}/kept_mean", $"{name}/kept_var", mean, inverse],
            [epsilon, Attribute.Float("momentum", 1), Attribute.Int("training_mode", 1)], Domains.Microsoft);
        var root = Node("Reciprocal", "deviation", inverse);
        var variance = Node("Sub", "variance", Node("Mul", "padded", root, root), graph.Scalar("norm.epsilon", (float)spec.Network.BatchNormEpsilon));
        return new NormalizedBatch(
            new Differentiable(name, (gradient, _) =>
            {
                var (dx, dw, db) = ($"{name}/grad", $"{name}.weight/grad", $"{name}.bias/grad");
                graph.Node("BatchNormalizationGrad", dx, [gradient, x, weight, mean, inverse], [dx, dw, db], [epsilon], Domains.Microsoft);
                return new Gradients(dx, dw, db);
            }),
            Next("next_mean", tensors.Mean, mean), Next("next_var", tensors.Variance, Node("Mul", "unbiased", variance, Correction(plane))));

        string Next(string what, string running, string batch)
        {
            var kept = Node("Mul", $"{what}/kept", running, graph.Scalar("norm.kept", (float)(1 - spec.BatchNormMomentum)));
            return Node("Add", what, kept, Node("Mul", $"{what}/share", batch, graph.Scalar("norm.momentum", (float)spec.BatchNormMomentum)));
        }

        string Node(string op, string what, params ReadOnlySpan<string> inputs) => graph.Node(op, $"{name}/{what}", inputs);
    }

    /// <summary>n / (n - 1) with n the values of a channel in the batch, at least 2.</summary>
    private string Correction(Plane plane)
    {
        var name = FormattableString.Invariant($"batch/correction_{plane.Height}x{plane.Width}");
        if (_corrections.Add(name))
        {
            var one = graph.Scalar("norm.one", 1);
            var count = _standard.Positions(plane);
            graph.Node("Div", name, [count, graph.Node("Max", $"{name}/others", [graph.Node("Sub", $"{name}/less", [count, one]), one])]);
        }
        return name;
    }

    private readonly HashSet<string> _corrections = [];

    /// <inheritdoc/>
    public Differentiable Activate(ActivationLayer layer, string x)
    {
        if (layer.Kind != Activation.Gelu)
        {
            return _standard.Activate(layer, x);
        }
        graph.Node("Gelu", layer.Name, [x], [layer.Name], [], Domains.Microsoft);
        return new Differentiable(layer.Name, (gradient, _) =>
        {
            var dx = $"{layer.Name}/grad";
            graph.Node("GeluGrad", dx, [gradient, x], [dx], [], Domains.Microsoft);
            return new Gradients(dx);
        });
    }

    /// <inheritdoc/>
    public (string Loss, string LogitsGradient) Loss(string logits, string labels, double smoothing) => _standard.Loss(logits, labels, smoothing);
}
