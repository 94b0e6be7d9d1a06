using System.Runtime.InteropServices;
using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using Attribute = Airbench.Onnx.Attribute;
using Element = Airbench.Onnx.Proto.TensorProto.Types.DataType;

namespace Airbench.Tests;

/// <summary>Constants in every form that files have, and models of our own: they come in as what ONNX Runtime reads of them.</summary>
public sealed class PlainGraphTests : IDisposable
{
    private const int Size = 4;

    private readonly Bundles _bundles = new();

    public void Dispose() => _bundles.Dispose();

    /// <summary>Each form of a constant of three numbers, by the way in which the file has it: what adds it to a model under the name <c>c</c>.</summary>
    private static readonly Dictionary<string, Action<ModelProto>> Forms = new()
    {
        ["float_data"] = model => model.Graph.Initializer.Add(Tensor(Element.Float, tensor => tensor.FloatData.AddRange([1, -2, 3]))),
        ["float16 in int32_data"] = model => model.Graph.Initializer.Add(Tensor(Element.Float16, tensor => tensor.Int32Data.AddRange([Bits(1), Bits(-2), Bits(3)]))),
        ["bfloat16 in int32_data"] = model => model.Graph.Initializer.Add(Tensor(Element.Bfloat16, tensor => tensor.Int32Data.AddRange([0x3F80, 0xC000, 0x4040]))),
        ["double_data"] = model => model.Graph.Initializer.Add(Tensor(Element.Double, tensor => tensor.DoubleData.AddRange([1, -2, 3]))),
        ["int8 in int32_data"] = model => model.Graph.Initializer.Add(Tensor(Element.Int8, tensor => tensor.Int32Data.AddRange([1, -2, 3]))),
        ["int16 in int32_data"] = model => model.Graph.Initializer.Add(Tensor(Element.Int16, tensor => tensor.Int32Data.AddRange([1, -2, 3]))),
        ["int32_data"] = model => model.Graph.Initializer.Add(Tensor(Element.Int32, tensor => tensor.Int32Data.AddRange([1, -2, 3]))),
        ["int64_data"] = model => model.Graph.Initializer.Add(Tensor(Element.Int64, tensor => tensor.Int64Data.AddRange([1, -2, 3]))),
        ["uint8 in int32_data"] = model => model.Graph.Initializer.Add(Tensor(Element.Uint8, tensor => tensor.Int32Data.AddRange([1, 200, 3]))),
        ["uint32 in uint64_data"] = model => model.Graph.Initializer.Add(Tensor(Element.Uint32, tensor => tensor.Uint64Data.AddRange([1, 2, 3]))),
        ["uint64_data"] = model => model.Graph.Initializer.Add(Tensor(Element.Uint64, tensor => tensor.Uint64Data.AddRange([1, 2, 3]))),
        ["a sparse initializer"] = model => model.Graph.SparseInitializer.Add(Sparse()),
        ["Constant value"] = model => Constant(model, new() { Name = "value", Type = AttributeProto.Types.AttributeType.Tensor, T = Tensor(Element.Float, tensor => tensor.FloatData.AddRange([1, -2, 3])) }),
        ["Constant value_float"] = model => Constant(model, Attribute.Float("value_float", 2.5f)),
        ["Constant value_floats"] = model => Constant(model, new() { Name = "value_floats", Type = AttributeProto.Types.AttributeType.Floats, Floats = { 1, -2, 3 } }),
        ["Constant value_int"] = model => Constant(model, Attribute.Int("value_int", -7)),
        ["Constant value_ints"] = model => Constant(model, Attribute.Ints("value_ints", 1, -2, 3)),
        ["Constant sparse_value"] = model => Constant(model, new() { Name = "sparse_value", Type = AttributeProto.Types.AttributeType.SparseTensor, SparseTensor = Sparse() }),
    };

    public static TheoryData<string> Names => [.. Forms.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_constant_in_any_form_is_read_as_ONNX_Runtime_reads_it(string form)
    {
        var graph = new GraphBuilder("constants");
        graph.Node("ReduceMean", "means", [graph.Input("x", Element.Float, 3, Size, Size)], [Attribute.Ints("axes", 2, 3), Attribute.Int("keepdims", 0)]);
        graph.Output("means", Element.Float, 3);
        var model = graph.Build(13);
        Forms[form](model);
        model.Graph.Node.Add(new NodeProto { Name = "f", OpType = "Cast", Input = { "c" }, Output = { "f" }, Attribute = { Attribute.Int("to", (long)Element.Float) } });
        model.Graph.Node.Add(new NodeProto { Name = "product", OpType = "Mul", Input = { "means", "f" }, Output = { "y" } });
        model.Graph.Output[0].Name = "y";
        var path = _bundles.File("constants.onnx");
        File.WriteAllBytes(path, model.ToByteArray());

        var imported = ModelImporter.Import(path, new ImportOptions { Scale = 1 }, CancellationToken.None);

        Assert.DoesNotContain(imported.Graph.Nodes, node => node.OpType is "Constant" or "Cast");
        Assert.Empty(imported.Graph.Model.Graph.SparseInitializer);
        Assert.Equal(Run(ModelProto.Parser.ParseFrom(File.ReadAllBytes(path)), "x", "y"), Run(imported.Graph.Model, "pixels", "features"));
    }

    [Theory]
    [InlineData(InputFormat.Uint8Nchw, false)]
    [InlineData(InputFormat.Uint8Nhwc, true)]
    [InlineData(InputFormat.FloatNchw, true)]
    public void A_model_of_our_own_comes_in_by_its_properties(InputFormat format, bool isAnySize)
    {
        var (manifest, input, path) = (_bundles.Model.Manifest, new InputOptions(format, isAnySize), _bundles.File("ours.onnx"));
        NetworkExporter.Save(NetworkExporter.Build(manifest, _bundles.Model.File(TrainedModel.WeightsName), 17, input), path);

        var imported = ModelImporter.Import(path, new ImportOptions(), CancellationToken.None);

        Assert.Equal((manifest.Network.ImageSize, "Gemm"), (imported.ImageSize, imported.Source.Head!.Operator));
        Assert.DoesNotContain(imported.Graph.Nodes, node => node.OpType == "Shape");
        Assert.True(isAnySize || imported.Graph.Nodes.All(node => node.OpType is not ("Transpose" or "Cast")));
    }

    private static float[] Run(ModelProto model, string input, string output)
    {
        using var run = ModelRun.Of("test", model);
        using var value = OrtValue.CreateTensorValueFromMemory([.. Enumerable.Range(0, 3 * Size * Size).Select(i => (float)(i * i % 251))], [1, 3, Size, Size]);
        return run.Floats(input, value, output).Values;
    }

    private static TensorProto Tensor(Element type, Action<TensorProto> fill)
    {
        var tensor = new TensorProto { Name = "c", DataType = (int)type, Dims = { 3 } };
        fill(tensor);
        return tensor;
    }

    private static int Bits(float value) => BitConverter.HalfToUInt16Bits((Half)value);

    /// <summary>0, 5, 0.</summary>
    private static SparseTensorProto Sparse() => new()
    {
        Values = new TensorProto { Name = "c", DataType = (int)Element.Float, Dims = { 1 }, RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<float>([5f])) },
        Indices = new TensorProto { DataType = (int)Element.Int64, Dims = { 1 }, Int64Data = { 1 } },
        Dims = { 3 },
    };

    private static void Constant(ModelProto model, AttributeProto value) =>
        model.Graph.Node.Insert(0, new NodeProto { Name = "c", OpType = "Constant", Output = { "c" }, Attribute = { value } });
}
