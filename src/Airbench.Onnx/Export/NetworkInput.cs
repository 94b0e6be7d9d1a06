using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>Where the network proper begins: its images [N,3,S,S], 0 to 255, behind whatever the model does to what it is given.</summary>
/// <param name="Value">Name in the graph.</param>
/// <param name="Type">uint8, or float where the model is given floats.</param>
/// <param name="Size">S, pixels.</param>
internal sealed record NetworkInput(string Value, DataType Type, int Size)
{
    /// <summary>In an fp32 model of ours, where the value is cast to the network's own float.</summary>
    public static NetworkInput Of(ModelProto fp32)
    {
        var (graph, input) = (fp32.Graph, fp32.Graph.Input.Single());
        var value = graph.Node.First(node => node.Output[0] == InputWriter.Pixels).Input[0];
        var producer = graph.Node.FirstOrDefault(node => node.Output[0] == value);
        var type = producer?.OpType == "Cast" ? DataType.Uint8 : (DataType)input.Type.TensorType.ElemType;   // resized images are bytes again
        var size = fp32.MetadataProps.Single(entry => entry.Key == NetworkExporter.ImageSizeKey).Value;
        return new NetworkInput(value, type, int.Parse(size, System.Globalization.CultureInfo.InvariantCulture));
    }
}
