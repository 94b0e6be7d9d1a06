using System.Runtime.InteropServices;
using Airbench.Onnx.Proto;
using Google.FlatBuffers;

namespace Airbench.Onnx;

/// <summary>A tensor by name. Float32, row-major.</summary>
/// <param name="Name">Its name in the graphs.</param>
/// <param name="Shape">Extents; empty is a scalar.</param>
/// <param name="Values">As many as the shape says.</param>
internal sealed record NamedTensor(string Name, IReadOnlyList<long> Shape, ReadOnlyMemory<float> Values);

/// <summary>
/// The state that ONNX Runtime's TrainingSession starts from: a flatbuffer, identifier ODTC, as ONNX Runtime 1.19 reads it (version 2;
/// it refuses version 1).
/// </summary>
/// <remarks>Schema: onnxruntime/core/flatbuffers/schema/ort_training_checkpoint.fbs and ort.fbs. The numbers below are its field slots.</remarks>
internal static class Checkpoint
{
    /// <summary>The file's identifier: bytes 4 to 7.</summary>
    public const string Identifier = "ODTC";

    /// <summary>Version of the format.</summary>
    public const int Version = 2;

    /// <summary>The checkpoint's bytes. The same tensors give the same bytes.</summary>
    /// <param name="trainable">What the optimizer changes; in the order of the training model's inputs.</param>
    /// <param name="frozen">Inputs of the training model that it does not: among them the running statistics of batch norm.</param>
    /// <exception cref="ArgumentException">A tensor has not the values of its shape, or a name occurs twice.</exception>
    public static byte[] Write(IReadOnlyList<NamedTensor> trainable, IReadOnlyList<NamedTensor> frozen)
    {
        Check([.. trainable, .. frozen]);
        var buffer = new FlatBufferBuilder(1024 + trainable.Concat(frozen).Sum(t => 256 + (sizeof(float) * t.Values.Length)));
        var trainableOffset = Tensors(buffer, trainable);
        var frozenOffset = Tensors(buffer, frozen);

        buffer.StartTable(4);                        // ModuleState; slots 2 and 3: nominal state, external data, both false
        buffer.AddOffset(0, trainableOffset, 0);     // requires_grad_params
        buffer.AddOffset(1, frozenOffset, 0);        // frozen_params
        var module = buffer.EndTable();

        buffer.StartTable(4);                        // Checkpoint; slots 2 and 3: optimizer groups and properties, none
        buffer.AddOffset(1, module, 0);              // module_state
        buffer.AddInt(0, Version, 0);
        buffer.Finish(buffer.EndTable(), Identifier);
        return buffer.SizedByteArray();
    }

    private static int Tensors(FlatBufferBuilder buffer, IReadOnlyList<NamedTensor> tensors)
    {
        var offsets = tensors.Select(tensor => Tensor(buffer, tensor)).ToArray();
        buffer.StartVector(sizeof(int), offsets.Length, sizeof(int));
        foreach (var offset in offsets.Reverse())    // flatbuffers grow from the end to the front
        {
            buffer.AddOffset(offset);
        }
        return buffer.EndVector().Value;
    }

    private static int Tensor(FlatBufferBuilder buffer, NamedTensor tensor)
    {
        var name = buffer.CreateString(tensor.Name).Value;

        buffer.StartVector(sizeof(long), tensor.Shape.Count, sizeof(long));
        foreach (var extent in tensor.Shape.Reverse())
        {
            buffer.AddLong(extent);
        }
        var dims = buffer.EndVector().Value;

        var bytes = MemoryMarshal.AsBytes(tensor.Values.Span).ToArray();
        buffer.StartVector(sizeof(byte), bytes.Length, sizeof(long));
        buffer.Add(bytes);
        var data = buffer.EndVector().Value;

        buffer.StartTable(7);                        // slots 1, 5, 6: doc string, strings, external offset
        buffer.AddOffset(0, name, 0);
        buffer.AddOffset(2, dims, 0);
        buffer.AddInt(3, (int)TensorProto.Types.DataType.Float, 0);
        buffer.AddOffset(4, data, 0);
        return buffer.EndTable();
    }

    private static void Check(IReadOnlyList<NamedTensor> tensors)
    {
        if (!BitConverter.IsLittleEndian)
        {
            throw new PlatformNotSupportedException("checkpoints are little-endian");
        }
        foreach (var tensor in tensors)
        {
            var expected = tensor.Shape.Aggregate(1L, (product, extent) => checked(product * extent));
            if (tensor.Values.Length != expected)
            {
                throw new ArgumentException($"'{tensor.Name}' has {tensor.Values.Length} values; its shape says {expected}", nameof(tensors));
            }
        }
        if (tensors.GroupBy(t => t.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new ArgumentException($"'{twice.Key}' occurs {twice.Count()} times", nameof(tensors));
        }
    }
}
