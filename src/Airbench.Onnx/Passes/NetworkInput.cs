using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>Where the network proper begins: its images [N,3,S,S], 0 to 255, behind whatever the model does to what it is given.</summary>
/// <param name="Value">Name in the graph.</param>
/// <param name="Type">uint8, or float where the model is given floats.</param>
/// <param name="Size">S, pixels.</param>
internal sealed record NetworkInput(string Value, DataType Type, int Size)
{
    /// <summary>In an fp32 model of ours, where the value is cast to the network's own float.</summary>
    public static NetworkInput Of(OnnxGraph fp32)
    {
        var value = fp32.Producer(InputWriter.Pixels)!.Input[0];
        var input = (DataType)fp32.Model.Graph.Input.Single().Type.TensorType.ElemType;
        var type = fp32.Producer(value)?.OpType == "Cast" ? DataType.Uint8 : input;   // resized images are bytes again
        var size = fp32.Model.MetadataProps.Single(entry => entry.Key == ModelMetadata.ImageSizeKey).Value;
        return new NetworkInput(value, type, int.Parse(size, System.Globalization.CultureInfo.InvariantCulture));
    }
}
