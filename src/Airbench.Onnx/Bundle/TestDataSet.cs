using System.Buffers.Binary;
using Airbench.Onnx.Proto;
using Google.Protobuf;

namespace Airbench.Onnx;

/// <summary>
/// <c>test_data_set_0/</c> as the ONNX project's test runners read it: input i of the graph in <c>input_i.pb</c>, output i in
/// <c>output_i.pb</c>, each a TensorProto.
/// </summary>
internal static class TestDataSet
{
    /// <summary>The folder; test runners find it by this name beside the model.</summary>
    public const string Folder = "test_data_set_0";

    /// <summary>Images in it.</summary>
    public const int Images = 64;

    /// <summary>Path of input <paramref name="index"/>, relative to the bundle.</summary>
    public static string Input(int index) => $"{Folder}/input_{index}.pb";

    /// <summary>Path of output <paramref name="index"/>, relative to the bundle.</summary>
    public static string Output(int index) => $"{Folder}/output_{index}.pb";

    /// <summary>The files of a model that takes <c>images</c> in <paramref name="format"/> and gives <c>logits</c> and <c>probabilities</c>.</summary>
    public static IEnumerable<(string Path, byte[] Bytes)> Files(ModelSignature signature, InputFormat format, ReferenceImages reference)
    {
        var type = format == InputFormat.FloatNchw ? TensorProto.Types.DataType.Float : TensorProto.Types.DataType.Uint8;
        var images = new TensorProto
        {
            Name = signature.Inputs[0].Name,
            DataType = (int)type,
            Dims = { InputFormats.Shape(format, reference.Count, reference.Size, reference.Size) },
            RawData = ByteString.CopyFrom(InputFormats.Encode(format, reference.Images, reference.Size * reference.Size)),
        };
        yield return (Input(0), images.ToByteArray());
        foreach (var (i, output) in signature.Outputs.Index())
        {
            var values = output.Name == "logits" ? reference.Logits : reference.Probabilities();
            var tensor = new TensorProto
            {
                Name = output.Name,
                DataType = (int)TensorProto.Types.DataType.Float,
                Dims = { reference.Count, reference.Classes },
                RawData = ByteString.CopyFrom(Bytes(values)),
            };
            yield return (Output(i), tensor.ToByteArray());
        }
    }

    /// <summary>Reads one tensor file.</summary>
    /// <exception cref="InvalidFileException">It is missing, not a tensor, or its bytes do not fit its shape.</exception>
    public static TensorProto Read(string path)
    {
        var tensor = ProtoFile.Read(path, TensorProto.Parser);
        var size = (TensorProto.Types.DataType)tensor.DataType switch
        {
            TensorProto.Types.DataType.Uint8 => 1,
            TensorProto.Types.DataType.Float => 4,
            _ => throw new InvalidFileException(path, $"has the element type {tensor.DataType}; expected 2 (uint8) or 1 (float)"),
        };
        Int128 bytes = size;
        foreach (var extent in tensor.Dims)
        {
            bytes = extent >= 0 && bytes <= long.MaxValue ? bytes * extent : -1;
        }
        return bytes == tensor.RawData.Length
            ? tensor
            : throw new InvalidFileException(path, $"has {tensor.RawData.Length} bytes of values for the shape [{string.Join(", ", tensor.Dims)}]");
    }

    /// <summary>The values of a float tensor.</summary>
    public static float[] Floats(TensorProto tensor)
    {
        var bytes = tensor.RawData.Span;
        var values = new float[bytes.Length / sizeof(float)];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = BinaryPrimitives.ReadSingleLittleEndian(bytes[(i * sizeof(float))..]);
        }
        return values;
    }

    private static byte[] Bytes(float[] values)
    {
        var bytes = new byte[values.Length * sizeof(float)];
        for (var i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), values[i]);
        }
        return bytes;
    }
}
