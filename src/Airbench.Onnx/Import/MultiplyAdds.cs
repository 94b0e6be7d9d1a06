using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>Multiply-adds of convolutions and matrix products, which are nearly all of a network's work.</summary>
internal static class MultiplyAdds
{
    /// <summary>Of all nodes.</summary>
    public static long Of(OnnxGraph graph, IReadOnlyDictionary<string, long[]> shapes) => graph.Nodes.Sum(node => Of(node, shapes));

    /// <summary>Of one node, for as many images as the shapes are of; 0 where a shape is not known.</summary>
    public static long Of(NodeProto node, IReadOnlyDictionary<string, long[]> shapes)
    {
        if (node.Input.Count < 2 || node.Output.Count == 0 || shapes.GetValueOrDefault(node.Output[0]) is not { } output
            || shapes.GetValueOrDefault(node.Input[1]) is not { } right)
        {
            return 0;
        }
        var left = shapes.GetValueOrDefault(node.Input[0]) ?? [];
        return node.OpType switch
        {
            "Conv" when right.Length > 1 => Extents.Times(Extents.Elements(output), Extents.Elements(right.Skip(1))),
            "ConvTranspose" when right.Length > 1 => Extents.Times(Extents.Elements(left), Extents.Elements(right.Skip(1))),
            "MatMul" or "FusedMatMul" when left.Length > 0 => Extents.Times(Extents.Elements(output), left[^1]),
            "Gemm" when left.Length == 2 => Extents.Times(
                Extents.Elements(output), node.Attribute.FirstOrDefault(attribute => attribute.Name == "transA")?.I == 1 ? left[0] : left[1]),
            _ => 0,
        };
    }
}
