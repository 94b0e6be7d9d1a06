using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Makes what is only arithmetic on constants part of the weights beside it: normalization of the pixels goes into the convolutions that read
/// it, batch norm into the convolution before it, the factor on the logits into the linear layer.
/// </summary>
/// <remarks>
/// One pass rather than one a kind, as a convolution that takes in both normalization and batch norm is to be rounded to float32 once. Mean,
/// standard deviation, epsilon and factor are those of the network in double: the graph has them rounded to float32 already.
/// </remarks>
internal sealed class FoldIntoWeights
{
    private readonly OnnxGraph _graph;
    private readonly NetworkSpec _network;
    private readonly string _weightsFile;

    private FoldIntoWeights(OnnxGraph graph, NetworkSpec network, string weightsFile) => (_graph, _network, _weightsFile) = (graph, network, weightsFile);

    /// <summary>The graph with everything folded that can be.</summary>
    /// <param name="source">As <see cref="ForwardWriter"/> writes it, with its weights as constants.</param>
    /// <param name="network">The network that it was written of.</param>
    /// <param name="weightsFile">Where the weights are from, for messages.</param>
    /// <exception cref="InvalidFileException">A folded weight overflows float32.</exception>
    public static OnnxGraph Apply(OnnxGraph source, NetworkSpec network, string weightsFile)
    {
        var pass = new FoldIntoWeights(source.Clone(), network, weightsFile);
        foreach (var node in pass._graph.Nodes.ToArray())
        {
            if (node.OpType == "Conv")
            {
                pass.Fold(node);
            }
            else if (node.OpType == "Gemm")
            {
                pass.FoldFactor(node);
            }
        }
        pass._graph.RemoveUnused();
        return pass._graph;
    }

    private void Fold(NodeProto conv)
    {
        var weight = _graph.Constant(conv.Input[1])!;
        var bias = conv.Input.Count > 2 ? _graph.Constant(conv.Input[2]) : null;
        var folded = new FoldedConv(Tensors.Floats(weight), bias is null ? default : Tensors.Floats(bias), (int)weight.Dims[0], (int)weight.Dims[1]);
        FoldNormalization(conv, folded);
        if (BatchNormBehind(conv) is { } norm)
        {
            folded.FoldBatchNormAfter(
                mean: Floats(norm.Input[3]), variance: Floats(norm.Input[4]), scale: Floats(norm.Input[1]), bias: Floats(norm.Input[2]),
                _network.BatchNormEpsilon);
            _graph.ReplaceReads(norm.Output[0], norm.Input[0]);
            _graph.Remove(norm);
        }
        Set(weight, folded.Weight);
        if (bias is null)
        {
            bias = Tensors.Create<float>($"{conv.Name}.bias", DataType.Float, [], weight.Dims[0]);
            _graph.AddConstant(bias, after: weight);
            _graph.AddInput(conv, bias.Name);
        }
        Set(bias, folded.Bias);
        if (conv.Attribute.FirstOrDefault(attribute => attribute.Name == "strides") is { } strides && strides.Ints.All(stride => stride == 1))
        {
            conv.Attribute.Remove(strides);   // the default
        }
    }

    /// <summary>Folds (p / 255 - mean) / std into the convolution that reads it.</summary>
    /// <remarks>
    /// A padded convolution takes p - 255 mean, the one node that remains: its padding, zero after normalization, is zero here too.
    /// </remarks>
    private void FoldNormalization(NodeProto conv, FoldedConv folded)
    {
        if (conv.Input[0] != InputWriter.Normalized)
        {
            return;
        }
        folded.FoldScaleBefore([.. _network.Std.Select(std => 1 / (255 * std))]);
        if (conv.Attribute.Any(attribute => attribute.Name == "pads" && attribute.Ints.Any(pad => pad != 0)))
        {
            _graph.SetInput(conv, 0, InputWriter.Centred);
            return;
        }
        folded.FoldShiftBefore([.. _network.Mean.Select(mean => 255 * mean)]);
        _graph.SetInput(conv, 0, InputWriter.Pixels);
    }

    /// <summary>
    /// The batch norm that alone reads the convolution, or, where its scale cannot turn the order of values round, the max pool behind it.
    /// </summary>
    private NodeProto? BatchNormBehind(NodeProto conv)
    {
        var next = OnlyReader(conv.Output[0]);
        if (next?.OpType == "MaxPool")
        {
            next = OnlyReader(next.Output[0]);
            return next?.OpType == "BatchNormalization" && Floats(next.Input[1]).All(scale => scale > 0) ? next : null;
        }
        return next?.OpType == "BatchNormalization" ? next : null;
    }

    private NodeProto? OnlyReader(string value) => !_graph.IsOutput(value) && _graph.Readers(value) is [var reader] ? reader : null;

    /// <summary>Folds the factor on the logits into the weight and the bias.</summary>
    private void FoldFactor(NodeProto linear)
    {
        var scale = _network.Head().Scale;
        foreach (var tensor in linear.Input.Skip(1).Select(input => _graph.Constant(input)!))
        {
            Set(tensor, Array.ConvertAll(Tensors.Floats(tensor), value => (float)(value * scale)));
        }
        foreach (var factor in linear.Attribute.Where(attribute => attribute.Name is "alpha" or "beta").ToArray())
        {
            linear.Attribute.Remove(factor);
        }
    }

    private float[] Floats(string constant) => Tensors.Floats(_graph.Constant(constant)!);

    /// <summary>Gives a constant its folded values; refuses what float32 cannot hold.</summary>
    private void Set(TensorProto tensor, float[] values)
    {
        var bad = Array.FindIndex(values, value => !float.IsFinite(value));
        tensor.RawData = bad < 0
            ? Tensors.Create<float>(tensor.Name, DataType.Float, values, [.. tensor.Dims]).RawData
            : throw new InvalidFileException(_weightsFile,
                $"element {bad} of '{tensor.Name}' overflows float32 once its batch norm or scale is folded into it; " +
                "expected moderate weights and variances: train again");
    }
}
