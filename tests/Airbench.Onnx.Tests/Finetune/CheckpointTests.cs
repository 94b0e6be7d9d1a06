using Airbench.Onnx;
using CsCheck;
using Google.FlatBuffers;

namespace Airbench.Tests;

/// <summary>Checkpoints read back field by field, as the schema of ONNX Runtime 1.19 numbers them.</summary>
public class CheckpointTests
{
    private static readonly Gen<NamedTensor> Tensors =
        from name in Gen.String[Gen.Char['a', 'z'], 1, 12]
        from shape in Gen.Int[1, 4].Array[0, 4]
        from values in Gen.Single.Array[shape.Aggregate(1, (product, extent) => product * extent)]
        select new NamedTensor(name, [.. shape.Select(extent => (long)extent)], values);

    [Fact]
    public void Every_tensor_is_read_back_from_its_list() =>
        Gen.Select(Tensors.Array[0, 5], Tensors.Array[0, 5]).ForEachCase((trainable, frozen) =>
        {
            trainable = [.. trainable.DistinctBy(t => t.Name)];
            frozen = [.. frozen.DistinctBy(t => t.Name).ExceptBy(trainable.Select(t => t.Name), t => t.Name)];

            var bytes = Checkpoint.Write(trainable, frozen);

            Assert.Equal("ODTC"u8, bytes.AsSpan(4, 4));
            var buffer = new ByteBuffer(bytes);
            var root = new Table(buffer.GetInt(0), buffer);
            Assert.Equal(2, buffer.GetInt(root.bb_pos + root.__offset(4)));
            var module = new Table(root.__indirect(root.bb_pos + root.__offset(6)), buffer);
            Equal(trainable, Read(module, 4));
            Equal(frozen, Read(module, 6));
            Assert.Equal(bytes, Checkpoint.Write(trainable, frozen));
        });

    [Fact]
    public void A_tensor_without_the_values_of_its_shape_is_refused()
    {
        var error = Assert.Throws<ArgumentException>(() => Checkpoint.Write([new NamedTensor("w", [2, 3], new float[5])], []));
        Assert.Contains("'w' has 5 values; its shape says 6", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_is_both_trainable_and_frozen_is_refused()
    {
        NamedTensor tensor = new("w", [1], new float[1]);
        var error = Assert.Throws<ArgumentException>(() => Checkpoint.Write([tensor], [tensor]));
        Assert.Contains("'w' occurs 2 times", error.Message, StringComparison.Ordinal);
    }

    private static void Equal(NamedTensor[] expected, NamedTensor[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        foreach (var (a, b) in expected.Zip(found))
        {
            Assert.Equal(a.Name, b.Name);
            Assert.Equal(a.Shape, b.Shape);
            Assert.Equal(a.Values.ToArray().Select(BitConverter.SingleToInt32Bits), b.Values.ToArray().Select(BitConverter.SingleToInt32Bits));
        }
    }

    /// <summary>The list of tensors in a field; slots are two bytes each, from 4 on.</summary>
    private static NamedTensor[] Read(Table module, int slot)
    {
        var list = module.__offset(slot);
        Assert.NotEqual(0, list);   // both lists must be there, also when empty
        return [.. Enumerable.Range(0, module.__vector_len(list)).Select(i =>
        {
            var tensor = new Table(module.__indirect(module.__vector(list) + (sizeof(int) * i)), module.bb);
            Assert.Equal(1, module.bb.GetInt(tensor.bb_pos + tensor.__offset(10)));   // FLOAT
            var bytes = tensor.__vector_as_array<byte>(12) ?? [];
            var values = new float[bytes.Length / sizeof(float)];
            Buffer.BlockCopy(bytes, 0, values, 0, bytes.Length);
            return new NamedTensor(tensor.__string(tensor.bb_pos + tensor.__offset(4)), tensor.__vector_as_array<long>(8) ?? [], values);
        })];
    }
}
