using System.Globalization;
using Airbench.Onnx.Proto;

namespace Airbench.Tests;

/// <summary>A graph as text, one line a node, for golden tests: constants with their shape, scalars with their value.</summary>
internal static class GraphText
{
    public static string Of(ModelProto model)
    {
        var constants = model.Graph.Initializer.ToDictionary(t => t.Name, Constant);
        return string.Join("\n",
        [
            $"opset {model.OpsetImport.Single().Version}, IR {model.IrVersion}",
            .. model.Graph.Input.Select(v => $"in {Value(v)}"),
            .. model.Graph.Node.Select(node => Node(node, constants)),
            .. model.Graph.Output.Select(v => $"out {Value(v)}"),
        ]);
    }

    private static string Node(NodeProto node, Dictionary<string, string> constants)
    {
        var name = node.Output.Single() == node.Name ? node.Name : $"{node.Name}: {node.Output.Single()}";
        var inputs = string.Join(", ", node.Input.Select(i => constants.GetValueOrDefault(i, i)));
        return string.Join(' ',
            [$"{name} = {node.OpType}({inputs})", .. node.Attribute.Select(a => $"{a.Name}={(a.HasI ? a.I : string.Join(',', a.Ints))}")]);
    }

    private static string Constant(TensorProto tensor) => tensor.Dims.Count == 0
        ? BitConverter.ToSingle(tensor.RawData.Span).ToString(CultureInfo.InvariantCulture)
        : $"{tensor.Name[tensor.Name.LastIndexOf('.')..]}[{string.Join(',', tensor.Dims)}]";

    private static string Value(ValueInfoProto value)
    {
        var type = value.Type.TensorType;
        var shape = type.Shape.Dim.Select(d => d.HasDimParam ? d.DimParam : d.DimValue.ToString(CultureInfo.InvariantCulture));
        return $"{value.Name} {(TensorProto.Types.DataType)type.ElemType} [{string.Join(',', shape)}]";
    }
}
