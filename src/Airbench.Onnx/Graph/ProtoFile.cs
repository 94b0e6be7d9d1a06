using Airbench.Onnx.Proto;
using Google.Protobuf;

namespace Airbench.Onnx;

/// <summary>Protocol-buffer files from disk, and what a model says of itself.</summary>
internal static class ProtoFile
{
    /// <summary>Reads one message.</summary>
    /// <exception cref="InvalidFileException">The file is missing or not such a message.</exception>
    public static T Read<T>(string path, MessageParser<T> parser) where T : IMessage<T>
    {
        FileKind.Require(path);
        try
        {
            using var stream = File.OpenRead(path);
            return parser.ParseFrom(stream);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new InvalidFileException(path, $"is not a {typeof(T).Name}: {e.Message}", e);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InvalidFileException(path, "does not exist", e);
        }
    }

    /// <summary>Inputs and outputs of a model.</summary>
    public static ModelSignature Signature(ModelProto model) =>
        model.Graph is { } graph ? new([.. graph.Input.Select(Tensor)], [.. graph.Output.Select(Tensor)]) : new([], []);

    /// <summary>Metadata properties of a model; of a repeated key the last counts.</summary>
    public static IReadOnlyDictionary<string, string> Properties(ModelProto model)
    {
        var properties = new Dictionary<string, string>();
        foreach (var entry in model.MetadataProps)
        {
            properties[entry.Key] = entry.Value;
        }
        return properties;
    }

    private static TensorSignature Tensor(ValueInfoProto value)
    {
        if (value.Type?.TensorType?.Shape is null)
        {
            return new TensorSignature(value.Name, "undefined", []);   // not a tensor, or one of any rank
        }
        var tensor = value.Type.TensorType;
        return new TensorSignature(
            value.Name,
            ((TensorProto.Types.DataType)tensor.ElemType).ToString().ToLowerInvariant(),
            [.. tensor.Shape.Dim.Select(d => d.ValueCase == TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue ? d.DimValue : -1)]);
    }
}
