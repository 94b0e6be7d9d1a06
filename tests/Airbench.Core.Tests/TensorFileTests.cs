using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using CsCheck;

namespace Airbench.Tests;

public sealed class TensorFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private int _files;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_was_written_is_read_back()
    {
        using var file = TensorFile.Open(WriteValid());

        Assert.Equal("2", file.Metadata["version"]);
        Assert.Equal([1.5f, -2, float.NaN, 4, 5, 6], file.Read<float>(file.Require("a", TensorType.F32, 2, 3)).ToArray());
        Assert.Equal([long.MinValue, 7], file.Read<long>(file.Require("b", TensorType.I64, 2)).ToArray());
        Assert.Equal([3, 4], file.Rows<byte>(file.Require("c", TensorType.U8, -1, 2), 1, 1).ToArray());
        Assert.Equal(0, file.Require("empty", TensorType.F64, 0, 5).Length);
    }

    [Fact]
    public void A_link_to_a_file_is_read_like_the_file()
    {
        var link = _folder.File("link.safetensors");
        File.CreateSymbolicLink(link, WriteValid());

        using var file = TensorFile.Open(link);

        Assert.Equal("2", file.Metadata["version"]);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        var error = Assert.Throws<InvalidFileException>(() => TensorFile.Open(_folder.File("none.safetensors")));
        Assert.Contains("none.safetensors: does not exist", error.Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(9)]
    public void A_file_too_short_for_a_header_is_refused(int length) =>
        Refused(new byte[length], "has at least 10");

    [Theory]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    [InlineData(1)]
    [InlineData(100_000_001)]
    [InlineData(long.MaxValue)]
    [InlineData(23)]
    public void A_header_length_outside_the_file_or_the_bound_is_refused_before_anything_is_read(long length)
    {
        var file = new byte[30];
        BinaryPrimitives.WriteInt64LittleEndian(file, length);
        Refused(file, $"header length is {length} bytes");
    }

    [Theory]
    [InlineData("not json", "header")]
    [InlineData("[]", "not a JSON object")]
    [InlineData("{} {}", "header")]
    [InlineData("{\"a\":1}", "header")]
    [InlineData("{\"a\":{\"dtype\":\"U8\"}}", "header")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[1.5],\"data_offsets\":[0,1]}}", "header")]
    [InlineData("{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,1]}}", "header")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":null,\"data_offsets\":[0,1]}}", "header")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", "begin and end")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,0]}}", "begin and end")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[-1,0]}}", "begin and end")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[99999999999999999999],\"data_offsets\":[0,1]}}", "header")]
    [InlineData("{\"__metadata__\":[1]}", "header")]
    [InlineData("{\"__metadata__\":{\"a\":1}}", "header")]
    [InlineData("{\"a\\ud800\":1}", "header")]
    [InlineData("[[[[[[[[[[[[[[[[[[[[", "header")]
    public void A_header_that_is_no_safetensors_header_is_refused(string header, string rule) => Refused(Assemble(header, [1]), rule);

    [Theory]
    [InlineData("BF16")]
    [InlineData("u8")]
    [InlineData("0")]
    [InlineData("U8, I64")]
    public void An_unknown_dtype_is_refused(string dtype) =>
        Refused(Assemble($$$"""{"a":{"dtype":"{{{dtype}}}","shape":[1],"data_offsets":[0,1]}}""", [1]), $"dtype '{dtype}'");

    [Theory]
    [InlineData("[-1]")]
    [InlineData("[-1,-1]")]
    [InlineData("[9223372036854775807,9223372036854775807]")]
    [InlineData("[4294967296,4294967296]")]
    [InlineData("[9223372036854775807,2]")]
    public void Negative_dimensions_and_products_that_overflow_are_refused(string shape) =>
        Refused(Assemble($$$"""{"a":{"dtype":"U8","shape":{{{shape}}},"data_offsets":[0,1]}}""", [1]), "impossible shape");

    [Fact]
    public void A_shape_that_needs_other_bytes_than_its_offsets_span_is_refused() =>
        Refused(Assemble("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", new byte[4]), "needs 8 bytes");

    [Fact]
    public void Huge_offsets_are_refused_without_arithmetic_overflow() =>
        Refused(Assemble(Entry("a", 9223372036854775806, 9223372036854775807), [1]), "tensor 'a'");

    [Fact]
    public void A_truncated_file_is_refused() =>
        Refused(Assemble("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", [1, 2, 3]), "truncated");

    [Fact]
    public void Overlapping_tensors_are_refused() => Refused(
        Assemble(Entry("a", 0, 2) + Entry("b", 1, 3), new byte[3]), "overlap");

    [Fact]
    public void A_hole_between_tensors_is_refused() => Refused(
        Assemble(Entry("a", 0, 1) + Entry("b", 2, 3), new byte[3]), "hole");

    [Fact]
    public void Trailing_bytes_are_refused() =>
        Refused(Assemble("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", [1, 2]), "trailing bytes");

    [Fact]
    public void A_name_that_occurs_twice_is_refused() => Refused(
        Assemble(Entry("a", 0, 1) + Entry("a", 1, 2), [1, 2]), "occurs twice");

    [Fact]
    public void A_tensor_of_another_type_or_shape_than_asked_for_is_refused_with_both()
    {
        using var file = TensorFile.Open(WriteValid());
        Assert.Contains("is F32 [2, 3]; expected F32 [3, 2]", Assert.Throws<InvalidFileException>(
            () => file.Require("a", TensorType.F32, 3, 2)).Message);
        Assert.Contains("expected U8", Assert.Throws<InvalidFileException>(() => file.Require("a", TensorType.U8, 2, 3)).Message);
        Assert.Contains(
            "has no tensor 'z'; it has a, b, c", Assert.Throws<InvalidFileException>(() => file.Require("z", TensorType.U8, 1)).Message);
    }

    [Fact]
    public void Rows_outside_a_tensor_cannot_be_read()
    {
        using var file = TensorFile.Open(WriteValid());
        var tensor = file.Require("c", TensorType.U8, 2, 2);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Rows<byte>(tensor, 1, 2).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Rows<byte>(tensor, -1, 1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Rows<byte>(tensor, long.MaxValue, 1).Length);
    }

    [Fact]
    public void Any_tensors_survive_a_round_trip() =>
        Gen.Select(Gen.Int[0, 5], Gen.Int[1, 4], Gen.Int[0, 3], Gen.Byte.Array[0, 7]).Array[1, 6].ForEachCase(tensors =>
        {
            var written = tensors.Select((t, i) =>
            {
                var type = (TensorType)t.Item3;
                var data = new byte[t.Item1 * t.Item2 * TensorInfo.SizeOf(type)];
                for (var k = 0; k < data.Length && t.Item4.Length > 0; k++)
                {
                    data[k] = t.Item4[k % t.Item4.Length];
                }
                return (Name: $"t{i}é\"", Type: type, Shape: new long[] { t.Item1, t.Item2 }, Data: data);
            }).ToArray();
            var path = NewFile();
            TensorFileWriter.Write(path, written.Select(w => (w.Name, w.Type, w.Shape, (ReadOnlyMemory<byte>)w.Data)));
            using var file = TensorFile.Open(path);
            Assert.Equal(written.Length, file.Tensors.Count);
            foreach (var (name, type, shape, data) in written)
            {
                var tensor = file.Require(name, type, shape);
                var read = type switch
                {
                    TensorType.U8 => file.Read<byte>(tensor),
                    TensorType.F32 => MemoryMarshal.AsBytes(file.Read<float>(tensor)),
                    TensorType.F64 => MemoryMarshal.AsBytes(file.Read<double>(tensor)),
                    _ => MemoryMarshal.AsBytes(file.Read<long>(tensor)),
                };
                Assert.Equal(data, read.ToArray());
            }
        }, cases: 50);

    [Fact]
    public void A_file_with_random_damage_opens_or_is_refused_and_nothing_else()
    {
        // A short header, so that most of the damage hits it.
        var valid = Assemble(
            """{"__metadata__":{"v":"1"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"""
            + """ "b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}""", new byte[11]);
        var value = Gen.OneOf(Gen.Byte, Gen.Char["0123456789-.,:[]{}\"eE\\ "].Select(c => (byte)c));
        var damage = Gen.Select(Gen.Int[0, valid.Length - 1], value).Array[1, 4];
        Gen.Select(damage, Gen.Int[-3, 3]).ForEachCase(change =>
        {
            var file = valid.ToArray();
            foreach (var (at, value) in change.Item1)
            {
                file[at] = value;
            }
            Array.Resize(ref file, file.Length + change.Item2);
            var path = NewFile();
            File.WriteAllBytes(path, file);
            try
            {
                using var opened = TensorFile.Open(path);
                foreach (var tensor in opened.Tensors.Values)
                {
                    Assert.InRange(tensor.Offset + tensor.Length, 0, file.Length);
                }
            }
            catch (InvalidFileException e)
            {
                Assert.StartsWith(path, e.Message);
            }
            File.Delete(path);
        }, cases: 1000);
    }

    private string NewFile() => _folder.File($"{_files++}.safetensors");

    private string WriteValid()
    {
        var path = NewFile();
        using var writer = new TensorFileWriter(path, new Dictionary<string, string> { ["version"] = "2" });
        writer.Begin("a", TensorType.F32, 3);
        writer.Append<float>([1.5f, -2, float.NaN]);
        writer.Append<float>([4, 5, 6]);
        writer.Begin("b", TensorType.I64);
        writer.Append<long>([long.MinValue, 7]);
        writer.Begin("c", TensorType.U8, 2);
        writer.Append<byte>([1, 2, 3, 4]);
        writer.Begin("empty", TensorType.F64, 5);
        writer.Finish();
        return path;
    }

    /// <summary>A header with one uint8 tensor; two of them joined make one header with both.</summary>
    private static string Entry(string name, long begin, long end) =>
        $$$"""{"{{{name}}}":{"dtype":"U8","shape":[{{{end - begin}}}],"data_offsets":[{{{begin}}},{{{end}}}]}}""";

    private static byte[] Assemble(string header, byte[] data)
    {
        header = header.Replace("}{", ",", StringComparison.Ordinal);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, Encoding.UTF8.GetByteCount(header));
        return [.. length, .. Encoding.UTF8.GetBytes(header), .. data];
    }

    private void Refused(byte[] content, string rule)
    {
        var path = NewFile();
        File.WriteAllBytes(path, content);
        var error = Assert.Throws<InvalidFileException>(() => TensorFile.Open(path));
        Assert.StartsWith(path, error.Message);
        Assert.Contains(rule, error.Message);
    }
}
