using System.Runtime.InteropServices;
using Airbench.Onnx.Proto;
using Google.Protobuf;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>Constants of a graph, to and from arrays. Raw data is little-endian, as is every machine that .NET 10 runs on but s390x.</summary>
internal static class Tensors
{
    /// <summary>The elements of a float32 constant as our writer stores them.</summary>
    public static float[] Floats(TensorProto tensor)
    {
        if (!BitConverter.IsLittleEndian)
        {
            throw new PlatformNotSupportedException("variants other than fp32 are made on little-endian machines");
        }
        return tensor.DataType == (int)DataType.Float && !tensor.RawData.IsEmpty
            ? MemoryMarshal.Cast<byte, float>(tensor.RawData.Span).ToArray()
            : throw new InvalidOperationException($"constant '{tensor.Name}' is not raw float32");
    }

    /// <summary>The elements of an int64 constant as our writer stores them.</summary>
    public static long[] Integers(TensorProto tensor) => tensor.DataType == (int)DataType.Int64 && (!tensor.RawData.IsEmpty || tensor.Dims.Contains(0))
        ? MemoryMarshal.Cast<byte, long>(tensor.RawData.Span).ToArray()
        : throw new InvalidOperationException($"constant '{tensor.Name}' is not raw int64");

    /// <summary>A constant; <paramref name="shape"/> empty is a scalar.</summary>
    public static TensorProto Create<T>(string name, DataType type, ReadOnlySpan<T> values, params ReadOnlySpan<long> shape) where T : unmanaged
    {
        var tensor = new TensorProto { Name = name, DataType = (int)type, RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(values)) };
        tensor.Dims.AddRange(shape.ToArray());
        return tensor;
    }
}
