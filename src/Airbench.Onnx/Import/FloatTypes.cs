using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>Turns a model in half or double precision into one in float32: constants, casts, and the types of inputs and outputs.</summary>
internal static class FloatTypes
{
    /// <summary>Changes <paramref name="model"/>; returns the types that were converted.</summary>
    public static IReadOnlyList<string> Convert(ModelProto model)
    {
        var converted = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var graph in Graphs.All(model.Graph))
        {
            foreach (var tensor in Graphs.Tensors(graph).Where(tensor => IsOther(tensor.DataType)))
            {
                converted.Add(ElementTypes.Name(tensor.DataType));
                tensor.RawData = Tensors.Create<float>("", DataType.Float, Tensors.ToFloats(tensor)).RawData;
                tensor.DataType = (int)DataType.Float;
            }
            foreach (var attribute in graph.Node.SelectMany(node => node.Attribute).Where(attribute => attribute.Name is "to" or "dtype" && IsOther((int)attribute.I)))
            {
                converted.Add(ElementTypes.Name(attribute.I));
                attribute.I = (int)DataType.Float;
            }
            foreach (var type in graph.Input.Concat(graph.Output).Select(value => value.Type?.TensorType).OfType<TypeProto.Types.Tensor>())
            {
                type.ElemType = IsOther(type.ElemType) ? (int)DataType.Float : type.ElemType;
            }
        }
        return [.. converted];
    }

    private static bool IsOther(int type) => type != (int)DataType.Float && Tensors.IsFloating(type);
}
