using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Takes out nodes that change nothing: Identity, Dropout in a model that infers, and casts to the type that a value has already, which are left where
/// half or double precision became float32.
/// </summary>
internal static class NoOperations
{
    /// <summary>Operators that give int64 whatever they read.</summary>
    private static readonly HashSet<string> Integers = ["Shape", "Size", "ArgMax", "ArgMin", "NonZero"];

    /// <summary>Operators that give conditions whatever they read.</summary>
    private static readonly HashSet<string> Conditions = ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "IsNaN", "IsInf"];

    /// <summary>Operators whose outputs all have the type of their first input.</summary>
    private static readonly HashSet<string> Keep =
    [
        "Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "Exp", "Log", "Erf", "Abs", "Neg", "Relu", "LeakyRelu",
        "PRelu", "Elu", "Selu", "Celu", "Gelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Softplus", "Softsign", "Softmax", "LogSoftmax", "Clip", "Reshape",
        "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Concat", "Split", "Slice", "Pad", "Gather", "Expand", "Tile", "Resize", "BatchNormalization",
        "InstanceNormalization", "LayerNormalization", "GroupNormalization", "LRN", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceSum",
        "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL2", "ReduceSumSquare", "Min", "Max", "Sum", "Mean", "DepthToSpace", "SpaceToDepth", "MaxPool",
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
                if (types.GetValueOrDefault(first) == to)
                {
                    Bypass(graph, node);
                }
            }
            else if (node.OpType == "Identity" || (node.OpType == "Dropout" && IsIdle(graph, node)))
            {
                Bypass(graph, node);
                if (types.TryGetValue(first, out var kept))
                {
                    types[node.Output[0]] = kept;
                }
            }
            else if (Integers.Contains(node.OpType) || Conditions.Contains(node.OpType))
            {
                types[node.Output[0]] = Integers.Contains(node.OpType) ? DataType.Int64 : DataType.Bool;
            }
            else if ((Keep.Contains(node.OpType) || node.OpType == "Where") && types.TryGetValue(first, out var same))
            {
                types[node.Output[0]] = same;
            }
        }
    }

    /// <summary>Whether it drops nothing: its mask is not read, and it is not told to train.</summary>
    private static bool IsIdle(OnnxGraph graph, NodeProto node) =>
        node.Output.Skip(1).All(mask => graph.Readers(mask).Count == 0 && !graph.IsOutput(mask))
        && (node.Input.Count < 3 || node.Input[2].Length == 0 || (graph.Constant(node.Input[2]) is { } isTraining && isTraining.RawData.All(value => value == 0)));

    /// <summary>Lets all read what the node reads. A value that the model gives keeps its name, and what the node read takes it on.</summary>
    private static void Bypass(OnnxGraph graph, NodeProto node)
    {
        var (before, behind) = (node.Input[0], node.Output[0]);
        if (!graph.IsOutput(behind))
        {
            graph.ReplaceReads(behind, before);
            if (graph.Readers(behind).Count == 0)   // else a graph inside of a node reads it
            {
                graph.Remove(node);
            }
        }
        else if (graph.Producer(before) is not null && !graph.IsOutput(before))
        {
            graph.Remove(node);
            graph.Rename(before, behind);
        }
    }
}
