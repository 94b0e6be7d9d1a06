using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Turns a float32 model into a half-precision one with the same signature: weights and arithmetic are float16, the logits are cast
/// back to float32 and the softmax stays there. What has no half-precision form computes in float32 between casts, and so do squares, sums over them
/// and their roots: the square of 256 is beyond half precision, and lengths and variances are made of such.
/// </summary>
internal sealed class HalfPrecision
{
    /// <summary>Operators that compute in float16 what they compute in float32, from opset 13 on, without other tensors in float32.</summary>
    private static readonly HashSet<string> Known =
    [
        "Add", "AveragePool", "BatchNormalization", "Clip", "Concat", "Conv", "ConvTranspose", "Div", "Dropout", "Elu", "Erf", "Exp", "Expand", "Flatten", "Gather",
        "Gelu", "Gemm", "GlobalAveragePool", "GlobalMaxPool", "HardSigmoid", "HardSwish", "Identity", "LayerNormalization", "LeakyRelu", "MatMul", "Max", "MaxPool",
        "Min", "Mul", "Neg", "PRelu", "Pad", "ReduceMax", "Relu", "Reshape", "Sigmoid", "Slice", "Softmax", "Split",
        "Squeeze", "Sub", "Tanh", "Tile", "Transpose", "Unsqueeze", "Where",
    ];

    /// <summary>Operators that take any type and whose outputs are not real numbers.</summary>
    private static readonly HashSet<string> Judging =
        ["ArgMax", "ArgMin", "Equal", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual", "NonZero", "Shape", "Size"];

    private readonly OnnxGraph _graph;
    private readonly HashSet<string> _half = [];
    private readonly Dictionary<string, string> _wide = [];   // the float32 form of a half-precision value

    private HalfPrecision(OnnxGraph graph) => _graph = graph;

    /// <summary>The graph in half precision.</summary>
    /// <exception cref="GateException">A weight is beyond the range of half precision.</exception>
    public static OnnxGraph Apply(OnnxGraph source)
    {
        var pass = new HalfPrecision(source.WithoutNodes());
        foreach (var tensor in pass._graph.Constants.Where(tensor => tensor.DataType == (int)DataType.Float && !InputWriter.IsOurs(tensor.Name)))
        {
            Convert(tensor);
            pass._half.Add(tensor.Name);
        }
        foreach (var node in source.Nodes)
        {
            pass.Add(node.Clone());
        }
        pass._graph.RemoveUnused();   // casts between two operators that compute in float32
        return pass._graph;
    }

    private void Add(NodeProto node)
    {
        if (InputWriter.IsOurs(node.Name))
        {
            _graph.Add(node);   // what makes pixels of the input stays as exact as it is
        }
        else if (node.OpType == "Cast")
        {
            AddCast(node);
        }
        else if (!node.Input.Any(_half.Contains) || (node.Domain.Length == 0 && Judging.Contains(node.OpType)))
        {
            _graph.Add(node);   // behind a cast to float32, or of integers
        }
        else if (node.Domain.Length > 0 || !Known.Contains(node.OpType) || (node.OpType == "Mul" && node.Input[0] == node.Input[1]))
        {
            AddInFloat(node);
        }
        else
        {
            AddInHalf(node);
        }
    }

    /// <summary>A cast to float32 is one to float16 here, but for one from float16 itself.</summary>
    private void AddCast(NodeProto node)
    {
        if (node.Attribute.Single(attribute => attribute.Name == "to").I == (long)DataType.Float)
        {
            node.Attribute.Single(attribute => attribute.Name == "to").I = (long)DataType.Float16;
            AddInHalf(node);
            return;
        }
        _graph.Add(node);
    }

    private void AddInHalf(NodeProto node)
    {
        var wide = node.Output.Where(_graph.IsOutput).ToArray();
        for (var i = 0; i < node.Output.Count; i++)
        {
            if (wide.Contains(node.Output[i]))
            {
                node.Output[i] = $"{node.Output[i]}/half";
            }
            _half.Add(node.Output[i]);
        }
        _graph.Add(node);
        foreach (var output in wide)
        {
            Cast($"{output}/half", output, DataType.Float, $"{output}/cast");
        }
    }

    private void AddInFloat(NodeProto node)
    {
        for (var i = 0; i < node.Input.Count; i++)
        {
            var input = node.Input[i];
            if (!_half.Contains(input))
            {
                continue;
            }
            if (!_wide.TryGetValue(input, out var wide))
            {
                _wide[input] = wide = $"{input}/float";
                Cast(input, wide, DataType.Float, wide);
            }
            node.Input[i] = wide;
        }
        string[] outputs = [.. node.Output.Where(output => output.Length > 0 && !_graph.IsOutput(output))];
        for (var i = 0; i < node.Output.Count; i++)
        {
            node.Output[i] = outputs.Contains(node.Output[i]) ? $"{node.Output[i]}/wide" : node.Output[i];
        }
        _graph.Add(node);
        foreach (var output in outputs)
        {
            Cast($"{output}/wide", output, DataType.Float16, $"{output}/narrow");   // the node may have the name of its output
            _half.Add(output);
            _wide[output] = $"{output}/wide";
        }
    }

    private void Cast(string input, string output, DataType type, string name)
    {
        var cast = new NodeProto { Name = name, OpType = "Cast", Input = { input }, Output = { output } };
        cast.Attribute.Add(Attribute.Int("to", (long)type));
        _graph.Add(cast);
    }

    private static void Convert(TensorProto tensor)
    {
        var values = Tensors.Floats(tensor);
        var halves = Array.ConvertAll(values, value => (Half)value);
        var beyond = Array.FindIndex(halves, value => !Half.IsFinite(value));
        if (beyond >= 0)
        {
            throw new GateException(FormattableString.Invariant(
                $"fp16: element {beyond} of '{tensor.Name}' is {values[beyond]:g6}; the largest half-precision number is {(float)Half.MaxValue}: ") +
                "leave fp16 out of variants");
        }
        var converted = Tensors.Create<Half>(tensor.Name, DataType.Float16, halves, [.. tensor.Dims]);
        (tensor.DataType, tensor.RawData) = (converted.DataType, converted.RawData);
    }
}
