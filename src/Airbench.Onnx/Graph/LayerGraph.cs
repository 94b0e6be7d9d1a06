using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>An exported float32 model seen as layers with weights: what can be quantized, and which values have to be observed for that.</summary>
internal sealed class LayerGraph
{
    private const string Conv = "Conv";
    private readonly Dictionary<string, NodeProto> _producers;
    private readonly ILookup<string, NodeProto> _consumers;

    public LayerGraph(ModelProto model)
    {
        Model = model;
        _producers = model.Graph.Node.SelectMany(node => node.Output, (node, value) => (node, value)).ToDictionary(p => p.value, p => p.node);
        _consumers = model.Graph.Node.SelectMany(node => node.Input, (node, value) => (node, value)).ToLookup(p => p.value, p => p.node);
        Layers = [.. model.Graph.Node.Where(IsLayer).Select(node => node.Name)];
    }

    /// <summary>The model.</summary>
    public ModelProto Model { get; }

    /// <summary>Names of the convolutions and linear layers, front to back.</summary>
    public IReadOnlyList<string> Layers { get; }

    /// <summary>Whether <paramref name="node"/> has weights.</summary>
    public static bool IsLayer(NodeProto node) => node.OpType is Conv or "Gemm";

    /// <summary>The value that leaves a layer in 8 bits: its output, behind the ReLU where one follows at once, or null for logits.</summary>
    public string? QuantizedOutput(NodeProto layer) => layer.OpType != Conv
        ? null
        : _consumers[layer.Output[0]].ToList() is [{ OpType: "Relu" } relu] ? relu.Output[0] : layer.Output[0];

    /// <summary>Whether <paramref name="value"/> is what a GELU in its erf form starts from.</summary>
    public bool StartsGelu(string value) => _consumers[value].Any(node => node.OpType == "Div");

    /// <summary>The pixels, 0 to 255, behind <paramref name="value"/>, where that is nothing but their cast to float; else null.</summary>
    public NetworkInput? Pixels(string value) => value == InputWriter.Pixels ? NetworkInput.Of(Model) : null;

    /// <summary>Every value whose range some quantization of the layers may need.</summary>
    public IReadOnlyList<string> ObservedValues() =>
    [
        .. Model.Graph.Node.Where(IsLayer)
            .SelectMany(layer => (string?[])[Pixels(layer.Input[0]) is null ? layer.Input[0] : null, QuantizedOutput(layer)])
            .OfType<string>().Distinct(),
    ];

    /// <summary>The model with <see cref="ObservedValues"/> as further outputs, for calibration.</summary>
    public ModelProto WithObservedOutputs()
    {
        var model = Model.Clone();
        foreach (var value in ObservedValues().Except(model.Graph.Output.Select(output => output.Name)))
        {
            var type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)DataType.Float } };
            model.Graph.Output.Add(new ValueInfoProto { Name = value, Type = type });
        }
        return model;
    }
}
