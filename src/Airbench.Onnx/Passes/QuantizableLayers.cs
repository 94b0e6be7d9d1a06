using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>The layers with weights of an exported float32 model: what can be quantized, and which values have to be observed for that.</summary>
internal sealed class QuantizableLayers(OnnxGraph graph)
{
    private const string Conv = "Conv";

    /// <summary>The model.</summary>
    public OnnxGraph Graph => graph;

    /// <summary>Names of the convolutions and linear layers, front to back.</summary>
    public IReadOnlyList<string> Names { get; } = [.. graph.Nodes.Where(IsLayer).Select(node => node.Name)];

    /// <summary>Whether <paramref name="node"/> has weights.</summary>
    public static bool IsLayer(NodeProto node) => node.OpType is Conv or "Gemm";

    /// <summary>The value that leaves a layer in 8 bits: its output, behind the ReLU where one follows at once, or null for logits.</summary>
    public string? QuantizedOutput(NodeProto layer) => layer.OpType != Conv
        ? null
        : graph.Readers(layer.Output[0]) is [{ OpType: "Relu" } relu] ? relu.Output[0] : layer.Output[0];

    /// <summary>Whether <paramref name="value"/> is what a GELU in its erf form starts from.</summary>
    public bool StartsGelu(string value) => graph.Readers(value).Any(node => node.OpType == "Div");

    /// <summary>Whether <paramref name="value"/> is the pixels, whole numbers from 0 to 255: nothing has to be observed.</summary>
    public static bool IsPixels(string value) => value == InputWriter.Pixels;

    /// <summary>Every value whose range some quantization of the layers may need.</summary>
    public IReadOnlyList<string> ObservedValues() =>
    [
        .. graph.Nodes.Where(IsLayer)
            .SelectMany(layer => (string?[])[IsPixels(layer.Input[0]) ? null : layer.Input[0], QuantizedOutput(layer)])
            .OfType<string>().Distinct(),
    ];

    /// <summary>The model with <see cref="ObservedValues"/> as further outputs, for calibration.</summary>
    public OnnxGraph WithObservedOutputs()
    {
        var observed = graph.Clone();
        foreach (var value in ObservedValues().Where(value => !graph.IsOutput(value)))
        {
            var type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)DataType.Float } };
            observed.Model.Graph.Output.Add(new ValueInfoProto { Name = value, Type = type });
        }
        return observed;
    }
}
