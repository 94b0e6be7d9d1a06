using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Airbench.Training;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Tests;

/// <summary>An ONNX graph in TorchSharp, node by node: its autograd says what gradients must be.</summary>
internal sealed class TorchGraph : IDisposable
{
    private readonly OnnxGraph _graph;
    private readonly DisposeScope _scope;
    private readonly IReadOnlySet<string> _moving;

    /// <param name="graph">The graph.</param>
    /// <param name="learned">Constants that get gradients.</param>
    /// <param name="type">Of the arithmetic.</param>
    /// <param name="usesBatch">Whether batch norms that learn normalize with the statistics of the batch.</param>
    public TorchGraph(OnnxGraph graph, IReadOnlyCollection<string> learned, ScalarType type, bool usesBatch)
    {
        TorchRuntime.Load();
        if (type == ScalarType.Float32)
        {
            Libtorch.SkipWhereWrong();
        }
        _scope = NewDisposeScope();
        _graph = graph;
        _moving = usesBatch ? learned.ToHashSet() : new HashSet<string>();
        Tensors = graph.Constants.Where(c => c.DataType == (int)TensorProto.Types.DataType.Float).ToDictionary(
            c => c.Name, c => tensor(Onnx.Tensors.Floats(c), [.. c.Dims]).to(type));
        foreach (var name in learned)
        {
            Tensors[name].requires_grad = true;
        }
    }

    /// <summary>Constants, running statistics after the last pass among them.</summary>
    public Dictionary<string, Tensor> Tensors { get; }

    /// <summary>Where given, which values a Relu lets through, 1 or 0 by the name of its output; else the sign of its input decides.</summary>
    public Dictionary<string, Tensor> Open { get; } = [];

    /// <summary>The graph's one output.</summary>
    public Tensor Forward(Tensor input)
    {
        var values = new Dictionary<string, Tensor>(Tensors) { [_graph.Model.Graph.Input[0].Name] = input };
        foreach (var node in _graph.Nodes)
        {
            values[node.Output[0]] = Compute(node, [.. node.Input.Select(name => values.GetValueOrDefault(name)!)]);
        }
        return values[_graph.Model.Graph.Output[0].Name];
    }

    private Tensor Compute(NodeProto node, Tensor[] x)
    {
        switch (node.OpType)
        {
            case "Conv":
                return F.conv2d(Padded(0), x[1], x.ElementAtOrDefault(2), strides: Ints("strides", [1, 1]));
            case "BatchNormalization":
                return F.batch_norm(x[0], x[3], x[4], x[1], x[2], _moving.Contains(node.Input[1]), 0.1, Float("epsilon", 1e-5f));
            case "MaxPool":
                return F.max_pool2d(Padded(double.NegativeInfinity), Ints("kernel_shape", []), Ints("strides", [1, 1]));
            case "AveragePool":
                return F.avg_pool2d(x[0], Ints("kernel_shape", []), Ints("strides", [1, 1]));
            case "Relu":
                return Open.TryGetValue(node.Output[0], out var open) ? x[0] * open : F.relu(x[0]);
            case "Add":
                return x[0] + x[1];
            case "Sub":
                return x[0] - x[1];
            case "Mul":
                return x[0] * x[1];
            case "Div":
                return x[0] / x[1];
            case "GlobalAveragePool":
                return x[0].mean([2, 3], keepdim: true);
            case "Flatten" or "Reshape" or "Squeeze":   // to the features
                return x[0].flatten(1);
            default:
                throw new NotSupportedException(node.OpType);
        }

        Tensor Padded(double value) => Ints("pads", [0, 0, 0, 0]) is var pads && pads.Any(pad => pad > 0)
            ? F.pad(x[0], [pads[1], pads[3], pads[0], pads[2]], PaddingModes.Constant, value) : x[0];

        long[] Ints(string name, long[] otherwise) => node.Attribute.FirstOrDefault(a => a.Name == name) is { } a ? [.. a.Ints] : otherwise;

        float Float(string name, float otherwise) => node.Attribute.FirstOrDefault(a => a.Name == name)?.F ?? otherwise;
    }

    public void Dispose() => _scope.Dispose();
}
