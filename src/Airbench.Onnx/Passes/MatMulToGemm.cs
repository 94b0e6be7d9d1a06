using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Makes a Gemm of every product of a row for each image with a constant matrix, with the bias that is added behind it. In float it is the same
/// kernel; between quantized values ONNX Runtime has an integer kernel for a Gemm, and merges MatMul and Add to a float Gemm.
/// </summary>
internal static class MatMulToGemm
{
    /// <summary>The graph with these nodes replaced.</summary>
    /// <param name="source">The graph; it stays as it is.</param>
    /// <param name="file">Where it came from, for errors.</param>
    public static OnnxGraph Apply(OnnxGraph source, string file)
    {
        var graph = source.Clone();
        var products = graph.Nodes.Where(node => node is { OpType: "MatMul", Domain: "" } && graph.Constant(node.Input[1]) is { Dims.Count: 2 }).ToArray();
        if (products.Length == 0)
        {
            return graph;
        }
        var shapes = ValueShapes.Measure(graph, file);
        foreach (var product in products.Where(product => shapes[product.Input[0]] is { Rank: 2 }))
        {
            var gemm = product.Clone();
            gemm.OpType = "Gemm";
            if (Bias(graph, product) is { } add)
            {
                gemm.Input.Add(add.Input.Single(input => input != product.Output[0]));
                gemm.Output[0] = add.Output[0];
                graph.Remove(add);
            }
            graph.Insert([gemm], product);
            graph.Remove(product);
        }
        return graph;
    }

    /// <summary>The sum with one constant for each column that alone reads a product.</summary>
    private static NodeProto? Bias(OnnxGraph graph, NodeProto product)
    {
        var columns = graph.Constant(product.Input[1])!.Dims[1];
        return !graph.IsOutput(product.Output[0]) && graph.Readers(product.Output[0]) is [{ OpType: "Add", Domain: "" } add]
            && add.Input.Any(input => graph.Constant(input) is { DataType: (int)DataType.Float } bias && Extents.Elements(bias.Dims) == columns && bias.Dims.Count <= 2)
            ? add : null;
    }
}
