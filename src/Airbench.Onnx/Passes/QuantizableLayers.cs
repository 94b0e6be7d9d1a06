using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>The layers with weights of a float32 model of any origin: what can be quantized, and which values have to be observed for that.</summary>
internal sealed class QuantizableLayers
{
    private const string Conv = "Conv";

    /// <summary>Operators that hold weights in other models; ONNX Runtime has no integer kernel for them.</summary>
    private static readonly HashSet<string> OtherLayers = ["ConvTranspose", "Einsum", "GRU", "LSTM", "RNN", "DeformConv", "Attention", "MultiHeadAttention"];

    /// <summary>Reads <paramref name="graph"/>, which stays as it is.</summary>
    public QuantizableLayers(OnnxGraph graph)
    {
        Graph = graph;
        var (fit, unfit) = (new List<string>(), new List<UnfitLayer>());
        foreach (var node in graph.Nodes.Where(node => !InputWriter.IsOurs(node.Name)))
        {
            if (!IsLayer(node) && !OtherLayers.Contains(node.OpType))
            {
                continue;
            }
            if (WhyNot(node) is { } reason)
            {
                unfit.Add(new UnfitLayer(node.Name, node.OpType, reason));
            }
            else
            {
                fit.Add(node.Name);
            }
        }
        (Names, Unfit) = (fit, unfit);
    }

    /// <summary>The model.</summary>
    public OnnxGraph Graph { get; }

    /// <summary>Names of the convolutions and linear layers that can be quantized, front to back.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Those that cannot, and stay in float.</summary>
    public IReadOnlyList<UnfitLayer> Unfit { get; }

    /// <summary>Whether <paramref name="node"/> is of a kind that has an integer kernel and weights.</summary>
    public static bool IsLayer(NodeProto node) => node is { OpType: Conv or "Gemm" or "MatMul", Domain: "" };

    /// <summary>
    /// The value that leaves a node in 8 bits: its output, behind the ReLU or clip where one follows at once, which ONNX Runtime makes part of the kernel;
    /// null for linear layers, whose integer kernel gives floats, and where nothing but the scores comes behind: 256 of them are too few.
    /// </summary>
    public string? QuantizedOutput(NodeProto node) => node.OpType is "Gemm" or "MatMul" || LeadsToScores(node.Output[0]) ? null
        : Graph.Readers(node.Output[0]) is not [var next] || !Rectifies(next) ? node.Output[0]
        : next.Output[0];

    /// <summary>Whether <paramref name="value"/> is what a GELU in its erf form starts from.</summary>
    public bool StartsGelu(string value) =>
        Graph.Readers(value).Any(node => node.OpType == "Div" && Graph.Readers(node.Output[0]).Any(reader => reader.OpType == "Erf"));

    /// <summary>Whether <paramref name="value"/> is the pixels, whole numbers from 0 to 255: nothing has to be observed.</summary>
    public static bool IsPixels(string value) => value == InputWriter.Pixels;

    /// <summary>Every value whose range some quantization of the layers may need.</summary>
    public IReadOnlyList<string> ObservedValues()
    {
        var between = new ByteValues(this, Names.ToHashSet(StringComparer.Ordinal));
        return
        [
            .. Graph.Nodes.SelectMany(node => Names.Contains(node.Name) ? AroundLayer(node) : between.OwnRanges(node)).Distinct(),
        ];
    }

    private IEnumerable<string> AroundLayer(NodeProto layer) =>
        ((string?[])[IsPixels(layer.Input[0]) ? null : layer.Input[0], QuantizedOutput(layer)]).OfType<string>();

    /// <summary>The model with <see cref="ObservedValues"/> as further outputs, for calibration.</summary>
    public OnnxGraph WithObservedOutputs()
    {
        var observed = Graph.Clone();
        foreach (var value in ObservedValues().Where(value => !Graph.IsOutput(value)))
        {
            var type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)DataType.Float } };
            observed.Model.Graph.Output.Add(new ValueInfoProto { Name = value, Type = type });
        }
        return observed;
    }

    /// <summary>Why a layer has to stay in float; null where it can be quantized.</summary>
    private string? WhyNot(NodeProto node)
    {
        if (!IsLayer(node))
        {
            return "ONNX Runtime has no integer kernel for this operator";
        }
        if (Graph.Constant(node.Input[0]) is not null)
        {
            return "its weight stands in the first place";
        }
        if (Graph.Constant(node.Input[1]) is not { } weight)
        {
            return "both of its factors depend on the image";
        }
        if (weight.DataType != (int)DataType.Float)
        {
            return $"its weight is {ElementTypes.Name(weight.DataType)}";
        }
        var rank = node.OpType == Conv ? 4 : 2;
        if (weight.Dims.Count != rank)
        {
            return $"its weight has {weight.Dims.Count} dimensions; integer kernels take {rank}";
        }
        var keepsBias = node.OpType == Conv || node.Attribute.Any(attribute => attribute.Name == "beta" && attribute.F != 1);
        if (keepsBias && Bias(node) is { } bias && Graph.Constant(bias) is not { DataType: (int)DataType.Float })
        {
            return "its bias depends on the image";
        }
        return node.OpType == "Gemm" && Attribute.IntOf(node, "transA") != 0 ? "its input is transposed" : null;
    }

    /// <summary>The third input of a layer; null where it has none.</summary>
    public static string? Bias(NodeProto layer) => layer.Input.Count > 2 && layer.Input[2].Length > 0 ? layer.Input[2] : null;

    private bool LeadsToScores(string value) => Graph.IsOutput(value) || (Graph.Readers(value) is { Count: > 0 } readers
        && readers.All(reader => reader.OpType is "Flatten" or "Reshape" or "Squeeze" or "Softmax" && LeadsToScores(reader.Output[0])));

    /// <summary>A ReLU, or a clip from 0 on: bytes that start at zero do the same by their range.</summary>
    private bool Rectifies(NodeProto node) => node.Domain.Length == 0 && (node.OpType == "Relu"
        || (node.OpType == "Clip" && node.Input.Count > 1 && Graph.Constant(node.Input[1]) is { DataType: (int)DataType.Float } low && Tensors.Floats(low) is [0]));
}

/// <summary>A layer that stays in float.</summary>
/// <param name="Name">Of its node.</param>
/// <param name="Operator">Its kind.</param>
/// <param name="Reason">Why.</param>
internal sealed record UnfitLayer(string Name, string Operator, string Reason)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Operator} '{Name}': {Reason}";
}
