using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>Both passes in operators of the ONNX standard, opset 13 to 19: they run in every ONNX Runtime, also in a browser.</summary>
internal sealed class StandardOperators(GraphBuilder graph) : ITrainingOperators
{
    /// <inheritdoc/>
    public Differentiable Convolve(ConvLayer layer, string x, string weight, string? bias, Plane input, Plane output)
    {
        if (WinogradConvolution.Pays(layer, input, output))
        {
            return new WinogradConvolution(graph, layer, weight, input, output).Write(x);
        }
        var y = LayerNodes.Convolve(graph, layer, x);
        return new Differentiable(y, (gradient, wanted) => new Gradients(
            wanted.Input ? StandardConvolution.InputGradient(graph, layer, gradient, weight, input, output) : null,
            wanted.Parameters ? StandardConvolution.WeightGradient(graph, layer, gradient, x, weight, output) : null,
            wanted.Parameters && bias is not null
                ? graph.Node("Reshape", $"{bias}/grad", [graph.Node("ReduceSum", $"{bias}/grad/sum", [gradient, graph.Integers(0, 2, 3)]), graph.Integers(-1)])
                : null));
    }

    /// <inheritdoc/>
    /// <remarks>ONNX Runtime numbers the chosen elements over the whole tensor, so the way back is one scatter into a flat list.</remarks>
    public Differentiable MaxPool(string name, string x, int size, Plane input, Plane output)
    {
        var chosen = $"{name}/chosen";
        graph.Node("MaxPool", name, [x], [name, chosen], LayerNodes.PoolAttributes(size));
        return new Differentiable(name, (gradient, _) =>
        {
            var scope = $"{name}/grad";
            var shape = graph.Node("Shape", $"{scope}/shape", [x]);
            var length = graph.Node("Reshape", $"{scope}/length", [graph.Node("Size", $"{scope}/size", [x]), graph.Integers(1)]);
            var zeros = graph.Node("ConstantOfShape", $"{scope}/zeros", [length]);
            var where = graph.Node("Reshape", $"{scope}/where", [chosen, graph.Integers(-1)]);
            var what = graph.Node("Reshape", $"{scope}/what", [gradient, graph.Integers(-1)]);
            var flat = graph.Node("ScatterElements", $"{scope}/flat", [zeros, where, what], [Attribute.Int("axis", 0)]);
            return new Gradients(graph.Node("Reshape", scope, [flat, shape]));
        });
    }

    /// <inheritdoc/>
    public NormalizedBatch Normalize(BatchNormLayer layer, string x, NormTensors tensors, TrainingSpec spec, bool isFrozen, Plane plane)
    {
        var norm = new StandardBatchNorm(graph, layer.Name, x, tensors, (float)spec.Network.BatchNormEpsilon);
        return isFrozen ? norm.WithRunningStatistics() : norm.WithBatchStatistics((float)spec.BatchNormMomentum, Positions(plane));
    }

    /// <inheritdoc/>
    public Differentiable Activate(ActivationLayer layer, string x)
    {
        var name = layer.Name;
        switch (layer.Kind)
        {
            case Activation.Gelu:
                return Gelu(name, x);
            case Activation.Silu:   // s = sigmoid(x), y = x s, y' = s + y (1 - s)
                var s = graph.Node("Sigmoid", $"{name}/sigmoid", [x]);
                var y = graph.Node("Mul", name, [x, s]);
                return new Differentiable(y, (gradient, _) =>
                {
                    var rest = graph.Node("Sub", $"{name}/grad/rest", [graph.Scalar("silu.one", 1), s]);
                    var slope = graph.Node("Add", $"{name}/grad/slope", [s, graph.Node("Mul", $"{name}/grad/part", [y, rest])]);
                    return new Gradients(graph.Node("Mul", $"{name}/grad", [gradient, slope]));
                });
            case Activation.Relu:
                return new Differentiable(graph.Node("Relu", name, [x]), (gradient, _) =>
                {
                    var isOpen = graph.Node("Greater", $"{name}/grad/open", [x, graph.Scalar("relu.zero", 0)]);
                    return new Gradients(graph.Node("Where", $"{name}/grad", [isOpen, gradient, graph.Scalar("relu.zero", 0)]));
                });
            default:
                throw new NotSupportedException($"activation {layer.Kind} has no training form here");
        }
    }

    /// <inheritdoc/>
    public (string Loss, string LogitsGradient) Loss(string logits, string labels, double smoothing) =>
        CrossEntropy.Write(graph, logits, labels, smoothing, Batch());

    /// <summary>x Phi(x), and its slope Phi(x) + x phi(x), with u = x / sqrt 2: (1 + erf u) / 2 + u exp(-u^2) / sqrt pi.</summary>
    private Differentiable Gelu(string name, string x)
    {
        var half = graph.Scalar("gelu.half", 0.5f);
        var u = graph.Node("Mul", $"{name}/u", [x, graph.Scalar("gelu.sqrt_half", (float)Math.Sqrt(0.5))]);
        var erf = graph.Node("Erf", $"{name}/erf", [u]);
        var share = graph.Node("Mul", $"{name}/share", [graph.Node("Add", $"{name}/add", [erf, graph.Scalar("gelu.one", 1)]), half]);
        return new Differentiable(graph.Node("Mul", name, [x, share]), (gradient, _) =>
        {
            var scope = $"{name}/grad";
            var bell = graph.Node("Exp", $"{scope}/bell", [graph.Node("Neg", $"{scope}/neg", [graph.Node("Mul", $"{scope}/square", [u, u])])]);
            var product = graph.Node("Mul", $"{scope}/product", [u, bell]);
            var weighted = graph.Node("Mul", $"{scope}/weighted", [product, graph.Scalar("gelu.sqrt_pi", (float)(1 / Math.Sqrt(Math.PI)))]);
            var slope = graph.Node("Add", $"{scope}/slope", [share, weighted]);
            return new Gradients(graph.Node("Mul", scope, [gradient, slope]));
        });
    }

    /// <summary>Number of images N as float32 scalar.</summary>
    private string Batch()
    {
        if (_batch is null)
        {
            var shape = graph.Node("Shape", "batch/shape", ["labels"]);
            var count = graph.Node("Squeeze", "batch/count", [shape, graph.Integers(0)]);
            _batch = graph.Node("Cast", "batch", [count], [Attribute.Int("to", (long)DataType.Float)]);
        }
        return _batch;
    }

    private string? _batch;

    /// <summary>Values of a channel in the batch, N H W, as float32 scalar.</summary>
    public string Positions(Plane plane)
    {
        var (height, width) = (plane.Height, plane.Width);
        var name = FormattableString.Invariant($"batch/positions_{height}x{width}");
        return _positions.Add(name)
            ? graph.Node("Mul", name, [Batch(), graph.Scalar(FormattableString.Invariant($"positions.{height * width}"), height * width)])
            : name;
    }

    private readonly HashSet<string> _positions = [];
}
