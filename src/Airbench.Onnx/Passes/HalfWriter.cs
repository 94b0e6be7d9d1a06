using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Turns a float32 model into a half-precision one with the same signature: weights and arithmetic are float16, the logits are cast
/// back to float32 and the softmax stays there.
/// </summary>
internal static class HalfWriter
{
    /// <summary>Operators that compute in float16 what they compute in float32, from opset 13 on, without other tensors in float32.</summary>
    private static readonly HashSet<string> Known =
    [
        "Add", "Cast", "Conv", "Div", "Erf", "Flatten", "Gelu", "Gemm", "GlobalAveragePool", "GlobalMaxPool", "MaxPool", "Mul", "Relu", "Sigmoid",
        "Softmax", "Sub",
    ];

    /// <summary>The model in half precision.</summary>
    /// <exception cref="GateException">A weight is beyond the range of half precision.</exception>
    public static ModelProto Write(ModelProto source)
    {
        var model = source.Clone();
        var graph = model.Graph;
        var half = new HashSet<string>();
        foreach (var tensor in graph.Initializer.Where(tensor => tensor.DataType == (int)DataType.Float && !InputWriter.IsOurs(tensor.Name)))
        {
            Convert(tensor);
            half.Add(tensor.Name);
        }
        graph.Node.Clear();
        foreach (var node in source.Graph.Node)
        {
            Add(graph, node.Clone(), half);
        }
        return model;
    }

    private static void Add(GraphProto graph, NodeProto node, HashSet<string> half)
    {
        if (InputWriter.IsOurs(node.Name))
        {
            graph.Node.Add(node);   // what makes pixels of the input stays as exact as it is
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
            graph.Node.Add(node);   // behind a cast to float32
            return;
        }
        graph.Node.Add(node);
        var output = node.Output[0];
        if (graph.Output.All(o => o.Name != output))
        {
            half.Add(output);
            return;
        }
        node.Output[0] = $"{output}/half";
        var cast = new NodeProto { Name = $"{output}/cast", OpType = "Cast", Input = { node.Output[0] }, Output = { output } };
        cast.Attribute.Add(Attribute.Int("to", (long)DataType.Float));
        graph.Node.Add(cast);
    }

    private static void Convert(TensorProto tensor)
    {
        var values = Tensors.Floats(tensor);
        var halves = Array.ConvertAll(values, value => (Half)value);
        var beyond = Array.FindIndex(halves, value => !Half.IsFinite(value));
        if (beyond >= 0)
        {
            throw new GateException(FormattableString.Invariant(
                $"fp16: element {beyond} of '{tensor.Name}' is {values[beyond]:g6}; half precision ends at {(float)Half.MaxValue}: ") +
                "leave fp16 out of variants");
        }
        var converted = Tensors.Create<Half>(tensor.Name, DataType.Float16, halves, [.. tensor.Dims]);
        (tensor.DataType, tensor.RawData) = (converted.DataType, converted.RawData);
    }
}
