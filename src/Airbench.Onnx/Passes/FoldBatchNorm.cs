using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>Makes batch norms that use fixed statistics part of the convolutions before them, in any graph: computed in double, rounded once.</summary>
internal static class FoldBatchNorm
{
    private const double DefaultEpsilon = 1e-5;

    /// <summary>The graph with every batch norm folded that alone reads a convolution of constants.</summary>
    /// <param name="source">The graph; it stays as it is.</param>
    /// <param name="file">Where its weights are from, for messages.</param>
    /// <exception cref="InvalidFileException">A folded weight overflows float32.</exception>
    public static OnnxGraph Apply(OnnxGraph source, string file)
    {
        var graph = source.Clone();
        foreach (var norm in graph.Nodes.Where(node => node is { OpType: "BatchNormalization", Domain: "" }).ToArray())
        {
            if (graph.Producer(norm.Input[0]) is { OpType: "Conv", Domain: "" } conv && !graph.IsOutput(conv.Output[0]) && graph.Readers(conv.Output[0]).Count == 1
                && conv.Input.Skip(1).Concat(norm.Input.Skip(1)).All(input => input.Length == 0 || graph.Constant(input) is { DataType: (int)DataType.Float }))
            {
                Fold(graph, conv, norm, file);
            }
        }
        graph.RemoveUnused();
        return graph;
    }

    private static void Fold(OnnxGraph graph, NodeProto conv, NodeProto norm, string file)
    {
        var weight = graph.Constant(conv.Input[1])!;
        var bias = conv.Input.Count > 2 && conv.Input[2].Length > 0 ? Tensors.Floats(graph.Constant(conv.Input[2])!) : default(ReadOnlySpan<float>);
        var folded = new FoldedConv(Tensors.Floats(weight), bias, (int)weight.Dims[0], (int)weight.Dims[1]);
        folded.FoldBatchNormAfter(
            mean: Floats(3), variance: Floats(4), scale: Floats(1), bias: Floats(2),
            norm.Attribute.FirstOrDefault(attribute => attribute.Name == "epsilon")?.F ?? DefaultEpsilon);
        Set(1, $"{weight.Name}.folded", folded.Weight, [.. weight.Dims]);
        Set(2, $"{conv.Name}.bias", folded.Bias, [weight.Dims[0]]);
        var output = norm.Output[0];
        graph.Remove(norm);
        graph.Rename(conv.Output[0], output);   // what a batch norm gives keeps its name, also where the graph ends there

        float[] Floats(int input) => Tensors.Floats(graph.Constant(norm.Input[input])!);

        void Set(int input, string name, float[] values, long[] shape)
        {
            var bad = Array.FindIndex(values, value => !float.IsFinite(value));
            if (bad >= 0)
            {
                throw new InvalidFileException(file,
                    $"element {bad} of '{weight.Name}' overflows float32 once {norm.Name} is folded into it; expected moderate weights and variances");
            }
            var tensor = Tensors.Create<float>(graph.Fresh(name), DataType.Float, values, shape);
            graph.AddConstant(tensor, after: weight);
            if (input < conv.Input.Count)
            {
                graph.SetInput(conv, input, tensor.Name);
            }
            else
            {
                graph.AddInput(conv, tensor.Name);
            }
        }
    }
}
