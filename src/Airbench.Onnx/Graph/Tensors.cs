using System.Runtime.InteropServices;
using Airbench.Onnx.Proto;
using Google.Protobuf;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>Constants of a graph, to and from arrays. Raw data is little-endian, as is every machine that .NET 10 runs on but s390x.</summary>
internal static class Tensors
{
    /// <summary>Types that hold real numbers.</summary>
    public static bool IsFloating(int type) => (DataType)type is DataType.Float or DataType.Float16 or DataType.Bfloat16 or DataType.Double;

    /// <summary>The elements of a float32 constant as our writer stores them.</summary>
    public static float[] Floats(TensorProto tensor)
    {
        RequireLittleEndian();
        return tensor.DataType == (int)DataType.Float && (!tensor.RawData.IsEmpty || tensor.Dims.Contains(0))
            ? MemoryMarshal.Cast<byte, float>(tensor.RawData.Span).ToArray()
            : throw new InvalidOperationException($"constant '{tensor.Name}' is not raw float32");
    }

    /// <summary>The elements of a constant of any type that holds real numbers, rounded to float32.</summary>
    public static float[] ToFloats(TensorProto tensor)
    {
        var raw = Raw(tensor).Span;
        return (DataType)tensor.DataType switch
        {
            DataType.Float => MemoryMarshal.Cast<byte, float>(raw).ToArray(),
            DataType.Float16 => Array.ConvertAll(MemoryMarshal.Cast<byte, Half>(raw).ToArray(), value => (float)value),
            DataType.Bfloat16 => Array.ConvertAll(MemoryMarshal.Cast<byte, ushort>(raw).ToArray(), value => BitConverter.UInt32BitsToSingle((uint)value << 16)),
            DataType.Double => Array.ConvertAll(MemoryMarshal.Cast<byte, double>(raw).ToArray(), value => (float)value),
            _ => throw new InvalidOperationException($"constant '{tensor.Name}' holds no real numbers"),
        };
    }

    /// <summary>The elements of an int32 or int64 constant; null of another type.</summary>
    public static long[]? ToIntegers(TensorProto tensor) => (DataType)tensor.DataType switch
    {
        DataType.Int64 => MemoryMarshal.Cast<byte, long>(Raw(tensor).Span).ToArray(),
        DataType.Int32 => Array.ConvertAll(MemoryMarshal.Cast<byte, int>(Raw(tensor).Span).ToArray(), value => (long)value),
        _ => null,
    };

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

    /// <summary>The bytes of a constant, wherever the file keeps them; not of text, nor of one in another file.</summary>
    public static ByteString Raw(TensorProto tensor)
    {
        RequireLittleEndian();
        if (tensor.HasRawData)
        {
            return tensor.RawData;
        }
        return (DataType)tensor.DataType switch
        {
            DataType.Float => Bytes([.. tensor.FloatData]),
            DataType.Double => Bytes([.. tensor.DoubleData]),
            DataType.Int64 => Bytes([.. tensor.Int64Data]),
            DataType.Uint64 => Bytes([.. tensor.Uint64Data]),
            DataType.Uint32 => Bytes(tensor.Uint64Data.Select(value => (uint)value).ToArray()),
            DataType.Int32 => Bytes([.. tensor.Int32Data]),
            DataType.Int16 or DataType.Uint16 or DataType.Float16 or DataType.Bfloat16 => Bytes(tensor.Int32Data.Select(value => (short)value).ToArray()),
            DataType.Int8 or DataType.Uint8 or DataType.Bool => Bytes(tensor.Int32Data.Select(value => (byte)value).ToArray()),
            _ => throw new InvalidOperationException($"constant '{tensor.Name}' has the type {ElementTypes.Name(tensor.DataType)}, whose bytes are not read"),
        };
    }

    /// <summary>Whether <see cref="Raw"/> reads this type.</summary>
    public static bool IsReadable(int type) => type is >= (int)DataType.Float and <= (int)DataType.Uint64 or (int)DataType.Bfloat16 && type != (int)DataType.String;

    /// <summary>Moves the elements of a constant into its raw data.</summary>
    public static void MakeRaw(TensorProto tensor)
    {
        if (tensor.HasRawData || !IsReadable(tensor.DataType))
        {
            return;
        }
        tensor.RawData = Raw(tensor);
        tensor.FloatData.Clear();
        tensor.DoubleData.Clear();
        tensor.Int32Data.Clear();
        tensor.Int64Data.Clear();
        tensor.Uint64Data.Clear();
    }

    private static ByteString Bytes<T>(T[] values) where T : unmanaged => ByteString.CopyFrom(MemoryMarshal.AsBytes<T>(values));

    private static void RequireLittleEndian()
    {
        if (!BitConverter.IsLittleEndian)
        {
            throw new PlatformNotSupportedException("variants other than fp32 are made on little-endian machines");
        }
    }
}
