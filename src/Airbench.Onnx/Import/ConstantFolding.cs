using Airbench.Onnx.Proto;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>Computes what depends on constants alone, once, in ONNX Runtime: weights that the file transposes or casts, shapes that it puts together.</summary>
internal static class ConstantFolding
{
    /// <summary>Changes <paramref name="model"/>; returns how many nodes became constants.</summary>
    /// <param name="path">Its file, for messages.</param>
    /// <param name="model">A plain model (<see cref="PlainGraph"/>).</param>
    /// <exception cref="InvalidFileException">ONNX Runtime does not compute them.</exception>
    public static int Apply(string path, ModelProto model)
    {
        var constants = model.Graph.Initializer.Select(tensor => tensor.Name).Append("").ToHashSet(StringComparer.Ordinal);
        var outputs = model.Graph.Output.Select(output => output.Name).ToHashSet(StringComparer.Ordinal);
        var folded = new List<NodeProto>();
        foreach (var node in model.Graph.Node.Where(node => node.Input.All(constants.Contains) && !RandomNodes.Draws(node)
            && !node.Output.Any(outputs.Contains) && !node.Attribute.Any(attribute => attribute.G is not null || attribute.Graphs.Count > 0)))
        {
            folded.Add(node);
            constants.UnionWith(node.Output);
        }
        if (folded.Count == 0)
        {
            return 0;
        }
        foreach (var node in folded)
        {
            model.Graph.Node.Remove(node);
        }
        var read = Graphs.All(model.Graph).SelectMany(graph => graph.Node).SelectMany(node => node.Input).ToHashSet(StringComparer.Ordinal);
        string[] wanted = [.. folded.SelectMany(node => node.Output).Where(read.Contains)];
        model.Graph.Initializer.AddRange(Compute(path, model, folded, wanted));
        return folded.Count;
    }

    private static List<TensorProto> Compute(string path, ModelProto model, List<NodeProto> nodes, string[] wanted)
    {
        const string Unused = "unused input";   // ONNX Runtime runs no model without one
        var part = new ModelProto { IrVersion = model.IrVersion, Graph = new GraphProto { Name = "constants" } };
        part.OpsetImport.AddRange(model.OpsetImport);
        part.Graph.Input.Add(GraphBuilder.Declare(Unused, DataType.Float, ["1"]));
        var read = nodes.SelectMany(node => node.Input).ToHashSet(StringComparer.Ordinal);
        part.Graph.Initializer.AddRange(model.Graph.Initializer.Where(tensor => read.Contains(tensor.Name)));
        part.Graph.Node.AddRange(nodes);
        part.Graph.Output.AddRange(wanted.Select(name => new ValueInfoProto { Name = name }));
        if (wanted.Length == 0)
        {
            return [];
        }
        using var run = ModelRun.Of(path, part, GraphOptimization.Disabled);
        try
        {
            using var unused = OrtValue.CreateTensorValueFromMemory(new float[1], [1]);
            using var results = run.Run(Unused, unused, wanted);
            return [.. results.Select((result, i) => Tensor(path, wanted[i], result))];
        }
        catch (OnnxRuntimeException e)
        {
            throw new InvalidFileException(path, $"has constants that ONNX Runtime does not compute: {e.Message}", e);
        }
    }

    private static TensorProto Tensor(string path, string name, OrtValue value)
    {
        var (isTensor, info) = (value.OnnxType == OnnxValueType.ONNX_TYPE_TENSOR, value.OnnxType == OnnxValueType.ONNX_TYPE_TENSOR ? value.GetTensorTypeAndShape() : default);
        if (!isTensor || info.ElementDataType == TensorElementType.String)
        {
            throw new InvalidFileException(path, $"computes '{name}' of constants, which is no tensor of numbers; expected a network of images");
        }
        var tensor = new TensorProto { Name = name, DataType = (int)info.ElementDataType, RawData = ByteString.CopyFrom(value.GetTensorMutableRawData()) };
        tensor.Dims.AddRange(info.Shape);
        return tensor;
    }
}
