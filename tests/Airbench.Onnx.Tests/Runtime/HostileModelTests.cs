using System.Text;
using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;
using Element = Airbench.Onnx.Proto.TensorProto.Types.DataType;

namespace Airbench.Tests;

/// <summary>Model files made to harm: refused before ONNX Runtime sees them, with one paragraph that says why.</summary>
public sealed class HostileModelTests : IDisposable
{
    private readonly ColourModels _models = new();
    private readonly ModelProto _good;

    public HostileModelTests() => _good = ModelProto.Parser.ParseFrom(File.ReadAllBytes(_models.Write("good.onnx")));

    public void Dispose() => _models.Dispose();

    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("../secret.bin")]
    [InlineData("sub/../../secret.bin")]
    [InlineData("""..\secret.bin""")]
    [InlineData("C:/secret.bin")]
    [InlineData("*/_ORT_MEM_ADDR_/*")]
    public void Data_outside_of_the_models_folder_is_not_read(string location)
    {
        File.WriteAllBytes(_models.File("secret.bin"), new byte[36]);

        Assert.Contains($"is stored in '{location}', outside of the model's folder", Refused(WithExternal(("location", location)), "models/x.onnx"), StringComparison.Ordinal);
    }

    [Fact]
    public void Links_out_of_the_models_folder_are_not_followed()
    {
        File.WriteAllBytes(_models.File("secret.bin"), new byte[36]);
        Directory.CreateDirectory(_models.File("models"));
        File.CreateSymbolicLink(_models.File("models/link.bin"), _models.File("secret.bin"));
        Directory.CreateSymbolicLink(_models.File("models/up"), _models.Folder);

        Assert.Contains("where link.bin is a link to", Refused(WithExternal(("location", "link.bin")), "models/x.onnx"), StringComparison.Ordinal);
        Assert.Contains("where up is a link to", Refused(WithExternal(("location", "up/secret.bin")), "models/x.onnx"), StringComparison.Ordinal);
    }

    [Fact]
    public void Data_beside_the_model_is_read_and_must_be_whole()
    {
        var weights = _good.Graph.Initializer[0].RawData.ToByteArray();
        File.WriteAllBytes(_models.File("weights.bin"), [1, 2, 3, 4, .. weights]);
        (string, string)[] place = [("location", "weights.bin"), ("offset", "4"), ("length", "36")];

        var path = _models.Write("external.onnx", WithExternal(place));
        Assert.Equal(6, _models.Evaluate(ColourModels.Options(_models.Images("images", 6), path)).Metrics.Correct);

        Assert.Contains("has 40, and 36 of them from 5 are named", Refused(WithExternal(("location", "weights.bin"), ("offset", "5"), ("length", "36"))), StringComparison.Ordinal);
        Assert.Contains("declares 36 bytes", Refused(WithExternal(("location", "weights.bin"))), StringComparison.Ordinal);
        Assert.Contains("the offset '-4'", Refused(WithExternal(("location", "weights.bin"), ("offset", "-4"))), StringComparison.Ordinal);
        Assert.Contains("there is no such file", Refused(WithExternal(("location", "gone.bin"))), StringComparison.Ordinal);
        Assert.Contains("whose name is missing", Refused(WithExternal(("offset", "0"))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1L << 31, 1L)]
    [InlineData(1L << 40, 1L << 40)]
    [InlineData(long.MaxValue, 16L)]
    public void Tensors_that_declare_more_than_they_have_are_refused_without_room_for_them(long rows, long columns)
    {
        var model = _good.Clone();
        model.Graph.Initializer[0].Dims.Clear();
        model.Graph.Initializer[0].Dims.AddRange([rows, columns]);
        var path = _models.Write("big.onnx", model);
        var before = GC.GetTotalAllocatedBytes(precise: true);

        Assert.Contains("declares", Assert.Throws<InvalidFileException>(() => ModelInspector.Inspect(path)).Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 10_000_000);
    }

    [Fact]
    public void Extents_below_zero_and_types_that_do_not_exist_are_refused()
    {
        Assert.Contains("has a negative extent", Refused(Change(model => model.Graph.Initializer[0].Dims[0] = -3)), StringComparison.Ordinal);
        Assert.Contains("has an element type that ONNX does not have", Refused(Change(model => model.Graph.Initializer[0].DataType = 99)), StringComparison.Ordinal);
        Assert.Contains("declares 72 bytes and has 36", Refused(Change(model => model.Graph.Initializer[0].DataType = (int)Element.Double)), StringComparison.Ordinal);
        Assert.Contains("declares 9 elements and has 0", Refused(Change(model => model.Graph.Initializer[0].ClearRawData())), StringComparison.Ordinal);
    }

    [Fact]
    public void Inputs_that_are_no_images_and_outputs_that_are_no_scores_are_refused()
    {
        static void Set(ValueInfoProto value, int i, long extent) => value.Type.TensorType.Shape.Dim[i].DimValue = extent;

        Assert.Contains("expected extents of at least 1", Refused(Change(model => Set(model.Graph.Input[0], 2, 0))), StringComparison.Ordinal);
        Assert.Contains("expected extents of at least 1", Refused(Change(model => Set(model.Graph.Input[0], 0, 0))), StringComparison.Ordinal);
        Assert.Contains("takes images of 8 x 16", Refused(Change(model => Set(model.Graph.Input[0], 3, 16))), StringComparison.Ordinal);
        Assert.Contains("expected square ones of at most 4096", Refused(Change(model => { Set(model.Graph.Input[0], 2, 1 << 20); Set(model.Graph.Input[0], 3, 1 << 20); })),
            StringComparison.Ordinal);
        Assert.Contains("no dimension of 3 colours", Refused(Change(model => Set(model.Graph.Input[0], 1, 2))), StringComparison.Ordinal);
        Assert.Contains("is not an image classifier's input", Refused(Change(model => model.Graph.Input[0].Type.TensorType.ElemType = (int)Element.Int64)),
            StringComparison.Ordinal);
        Assert.Contains("is not an image classifier's input", Refused(Change(model => model.Graph.Input[0].Type.TensorType.Shape.Dim.RemoveAt(0))),
            StringComparison.Ordinal);
        Assert.Contains("is not a classifier's output", Refused(Change(model => model.Graph.Output[0].Type.TensorType.Shape.Dim.RemoveAt(0))), StringComparison.Ordinal);
        Assert.Contains("has labels, not scores", Refused(Change(model => model.Graph.Output[0].Type.TensorType.ElemType = (int)Element.Int64)), StringComparison.Ordinal);
        Assert.Contains("has no output: it is not a classifier", Refused(Change(model => model.Graph.Output.Clear())), StringComparison.Ordinal);
        Assert.Contains("has no input: it is not a classifier", Refused(Change(model => model.Graph.Input.Clear())), StringComparison.Ordinal);
        Assert.Contains("with 1 to 1,000,000 classes", Refused(Change(model => Set(model.Graph.Output[0], 1, 1L << 40))), StringComparison.Ordinal);
    }

    [Fact]
    public void Operators_of_other_makers_are_refused_by_name() =>
        Assert.Contains("uses the operator MatMul of the domain 'evil.example', which ONNX Runtime does not have",
            Refused(Change(model => model.Graph.Node[^1].Domain = "evil.example")), StringComparison.Ordinal);

    [Fact]
    public void A_model_that_ends_anywhere_too_early_is_refused()
    {
        var whole = _good.ToByteArray();
        for (var length = 0; length < whole.Length; length += 7)
        {
            var path = _models.Write("short.onnx", whole[..length]);
            var message = Assert.Throws<InvalidFileException>(() => Describe(path)).Message;
            Assert.StartsWith(path, message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', message);
        }
    }

    [Fact]
    public void What_is_no_model_at_all_is_refused()
    {
        Assert.Contains("does not exist", Assert.Throws<InvalidFileException>(() => ModelInspector.Inspect(_models.File("none.onnx"))).Message, StringComparison.Ordinal);
        Assert.Contains("is a folder", Assert.Throws<InvalidFileException>(() => ModelInspector.Inspect(_models.Folder)).Message, StringComparison.Ordinal);
        foreach (var bytes in (byte[][])[[], [0], "<html>"u8.ToArray(), "\u0000\u0000\u0000\u0000ORTM12345678"u8.ToArray(), new byte[5000], [.. Enumerable.Repeat((byte)0xFF, 5000)]])
        {
            var path = _models.Write("not.onnx", bytes);
            Assert.Throws<InvalidFileException>(() => ModelInspector.Inspect(path));
        }
    }

    [Fact]
    public void Random_damage_never_gets_past_as_anything_but_an_error_of_ours_or_a_model()
    {
        var whole = _good.ToByteArray();
        var random = new Random(5);
        for (var i = 0; i < 400; i++)
        {
            var damaged = whole.ToArray();
            for (var k = 0; k < 4; k++)
            {
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            }
            var path = _models.Write("damaged.onnx", damaged);
            try
            {
                Describe(path);
            }
            catch (AirbenchException)
            {
                // said in our words
            }
        }
    }

    [Fact]
    public void Graphs_nested_without_end_do_not_exhaust_the_stack()
    {
        byte[] graph = [];
        for (var depth = 0; depth < 2000; depth++)
        {
            graph = ProtoField.Of(1, ProtoField.Of(5, ProtoField.Of(6, graph)));   // graph.node.attribute.g
        }
        var path = _models.Write("deep.onnx", [8, 8, .. ProtoField.Of(7, graph)]);

        Assert.Contains("nested deeper", Assert.Throws<InvalidFileException>(() => ModelInspector.Inspect(path)).Message, StringComparison.Ordinal);
    }

    private static ModelDescription Describe(string path) => ModelDescription.Read(path, ModelInspector.Inspect(path), new ClassifierOptions { Scale = 1 });

    private ModelProto Change(Action<ModelProto> change)
    {
        var model = _good.Clone();
        change(model);
        return model;
    }

    private string Refused(ModelProto model, string name = "hostile.onnx")
    {
        var path = _models.Write(name, model);
        var message = Assert.Throws<InvalidFileException>(() => Describe(path)).Message;
        Assert.DoesNotContain('\n', message);
        return message;
    }

    /// <summary>The good model with its weights said to be elsewhere: external_data = 13, data_location = 14.</summary>
    private ModelProto WithExternal(params (string Key, string Value)[] entries) => Change(model =>
    {
        var tensor = model.Graph.Initializer[0];
        tensor.ClearRawData();
        var extra = entries.SelectMany(entry => ProtoField.Of(13, [.. ProtoField.Of(1, Encoding.UTF8.GetBytes(entry.Key)), .. ProtoField.Of(2, Encoding.UTF8.GetBytes(entry.Value))]));
        model.Graph.Initializer[0] = TensorProto.Parser.ParseFrom([.. tensor.ToByteArray(), .. extra, 14 << 3, 1]);
    });
}
