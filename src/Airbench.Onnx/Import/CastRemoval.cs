using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>Takes out casts to the type that a value has already: what is left where half or double precision became float32.</summary>
internal static class CastRemoval
{
    /// <summary>Operators whose (first) output has another type than their first input, with that type.</summary>
    private static readonly Dictionary<string, DataType> Types = new()
    {
        ["Shape"] = DataType.Int64, ["Size"] = DataType.Int64, ["ArgMax"] = DataType.Int64, ["ArgMin"] = DataType.Int64, ["NonZero"] = DataType.Int64,
        ["Equal"] = DataType.Bool, ["Less"] = DataType.Bool, ["LessOrEqual"] = DataType.Bool, ["Greater"] = DataType.Bool,
        ["GreaterOrEqual"] = DataType.Bool, ["IsNaN"] = DataType.Bool, ["IsInf"] = DataType.Bool,
    };

    /// <summary>Operators whose outputs all have the type of their first input.</summary>
    private static readonly HashSet<string> Keep =
    [
        "Identity", "Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "Exp", "Log", "Erf", "Abs", "Neg", "Relu", "LeakyRelu",
        "PRelu", "Elu", "Selu", "Celu", "Gelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Softplus", "Softsign", "Softmax", "LogSoftmax", "Clip", "Reshape",
        "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Concat", "Split", "Slice", "Pad", "Gather", "Expand", "Tile", "Resize", "BatchNormalization",
        "InstanceNormalization", "LayerNormalization", "GroupNormalization", "LRN", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceSum",
        "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL2", "ReduceSumSquare", "Min", "Max", "Sum", "Mean", "Dropout", "DepthToSpace", "SpaceToDepth", "MaxPool",
        "Reciprocal", "Floor", "Ceil", "Round", "Mod",
    ];

    /// <summary>Changes <paramref name="graph"/>.</summary>
    public static void Apply(OnnxGraph graph)
    {
        var types = graph.Constants.ToDictionary(tensor => tensor.Name, tensor => (DataType)tensor.DataType, StringComparer.Ordinal);
        foreach (var input in graph.Model.Graph.Input)
        {
            types[input.Name] = (DataType)(input.Type?.TensorType?.ElemType ?? 0);
        }
        foreach (var node in graph.Nodes.Where(node => node.Domain.Length == 0 && node.Input.Count > 0).ToArray())
        {
            var first = node.OpType == "Where" && node.Input.Count > 1 ? node.Input[1] : node.Input[0];
            if (node.OpType == "Cast")
            {
                var to = (DataType)(node.Attribute.FirstOrDefault(attribute => attribute.Name == "to")?.I ?? 0);
                types[node.Output[0]] = to;
                if (types.GetValueOrDefault(first) == to && !graph.IsOutput(node.Output[0]))
                {
                    graph.ReplaceReads(node.Output[0], first);
                    if (graph.Readers(node.Output[0]).Count == 0)
                    {
                        graph.Remove(node);
                    }
                }
            }
            else if (Types.TryGetValue(node.OpType, out var type))
            {
                types[node.Output[0]] = type;
            }
            else if ((Keep.Contains(node.OpType) || node.OpType == "Where") && types.TryGetValue(first, out var same))
            {
                types[node.Output[0]] = same;
            }
        }
    }
}
