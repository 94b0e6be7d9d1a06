using System.Runtime.InteropServices;
using Airbench.Onnx.Proto;
using Google.Protobuf;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>A backbone with its new head as one graph: the input that every model of ours has, the backbone's own nodes, one linear layer.</summary>
internal static class BackboneModel
{
    /// <summary>Stands before every name of the backbone, so that none can be one of ours.</summary>
    private const string Prefix = "backbone/";

    /// <summary>Builds it, unfolded.</summary>
    /// <param name="network">Of the trained model.</param>
    /// <param name="backboneFile"><c>backbone.onnx</c>; its opset is the result's.</param>
    /// <param name="weightsFile">The head.</param>
    /// <param name="input">What it is to take.</param>
    public static OnnxGraph Build(NetworkSpec network, string backboneFile, string weightsFile, InputOptions input)
    {
        var backbone = ProtoFile.Read(backboneFile, ModelProto.Parser);
        var graph = new GraphBuilder(Transfer.Name);
        var names = new Dictionary<string, string>
        {
            [backbone.Graph.Input.Single().Name] = InputWriter.WritePixels(graph, network, input),
            [backbone.Graph.Output.Single().Name] = ImportedModel.Features,
        };
        // Nodes have names of their own: one may be called as a value is.
        Graphs.Rename(backbone.Graph, name => names.GetValueOrDefault(name) ?? Prefix + name, name => name.Length == 0 ? "" : Prefix + name);
        foreach (var tensor in backbone.Graph.Initializer)
        {
            graph.Initializer(tensor, "");
        }
        foreach (var node in backbone.Graph.Node)
        {
            graph.Add(node);
        }
        using var weights = NetworkWeights.Open(weightsFile, network);
        var head = network.Head();
        foreach (var (tensor, shape) in head.Parameters())
        {
            graph.Initializer(tensor, weights[tensor], shape);
        }
        var logits = graph.Node(
            "Gemm", head.Name, [ImportedModel.Features, .. head.Parameters().Select(p => p.Name)], [Attribute.Int("transB", 1)], output: "logits");
        graph.Output(logits, DataType.Float, network.ClassCount);
        graph.Output(graph.Node("Softmax", "probabilities", [logits], [Attribute.Int("axis", 1)]), DataType.Float, network.ClassCount);
        var model = graph.Build(13);
        model.OpsetImport.Clear();
        model.OpsetImport.AddRange(backbone.OpsetImport);
        model.IrVersion = Math.Max(model.IrVersion, backbone.IrVersion);
        return new OnnxGraph(model);
    }

    /// <summary>A backbone with other values in some of its constants.</summary>
    /// <param name="backbone">It stays as it is.</param>
    /// <param name="values">float32, by the name of the constant.</param>
    public static OnnxGraph With(OnnxGraph backbone, IReadOnlyDictionary<string, float[]> values)
    {
        var changed = backbone.Clone();
        foreach (var (name, numbers) in values)
        {
            changed.Constant(name)!.RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(numbers.AsSpan()));
        }
        return changed;
    }
}
