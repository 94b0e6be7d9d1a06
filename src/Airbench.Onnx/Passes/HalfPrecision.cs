using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Turns a float32 model into a half-precision one with the same signature: weights and arithmetic are float16, the logits are cast
/// back to float32 and the softmax stays there.
/// </summary>
internal static class HalfPrecision
{
    /// <summary>Operators that compute in float16 what they compute in float32, from opset 13 on, without other tensors in float32.</summary>
    private static readonly HashSet<string> Known =
    [
        "Add", "Cast", "Conv", "Div", "Erf", "Flatten", "Gelu", "Gemm", "GlobalAveragePool", "GlobalMaxPool", "MaxPool", "Mul", "Relu", "Sigmoid",
        "Softmax", "Sub",
    ];

    /// <summary>The graph in half precision.</summary>
    /// <exception cref="GateException">A weight is beyond the range of half precision.</exception>
    public static OnnxGraph Apply(OnnxGraph source)
    {
        var graph = source.WithoutNodes();
        var half = new HashSet<string>();
        foreach (var tensor in graph.Constants.Where(tensor => tensor.DataType == (int)DataType.Float && !InputWriter.IsOurs(tensor.Name)))
        {
            Convert(tensor);
            half.Add(tensor.Name);
        }
        foreach (var node in source.Nodes)
        {
            Add(graph, node.Clone(), half);
        }
        return graph;
    }

    private static void Add(OnnxGraph graph, NodeProto node, HashSet<string> half)
    {
        if (InputWriter.IsOurs(node.Name))
        {
            graph.Add(node);   // what makes pixels of the input stays as exact as it is
            return;
        }
        if (!Known.Contains(node.OpType))
        {
            throw new NotSupportedException($"{node.OpType} has no half-precision form here");
        }
        if (node.OpType == "Cast" && node.Attribute.Single().I == (long)DataType.Float)
        {
            node.Attribute.Single().I = (long)DataType.Float16;
        }
        else if (!node.Input.Any(half.Contains))
        {
            graph.Add(node);   // behind a cast to float32
            return;
        }
        var output = node.Output[0];
        if (!graph.IsOutput(output))
        {
            graph.Add(node);
            half.Add(output);
            return;
        }
        node.Output[0] = $"{output}/half";
        graph.Add(node);
        var cast = new NodeProto { Name = $"{output}/cast", OpType = "Cast", Input = { node.Output[0] }, Output = { output } };
        cast.Attribute.Add(Attribute.Int("to", (long)DataType.Float));
        graph.Add(cast);
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
