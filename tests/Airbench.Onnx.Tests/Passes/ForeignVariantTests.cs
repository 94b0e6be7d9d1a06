using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using Attribute = Airbench.Onnx.Attribute;
using Element = Airbench.Onnx.Proto.TensorProto.Types.DataType;

namespace Airbench.Tests;

/// <summary>int8 and fp16 of networks that other frameworks wrote, through ONNX Runtime.</summary>
public sealed class ForeignVariantTests : IDisposable
{
    private const int Images = 8, Size = ForeignNetworks.Size;

    private readonly TemporaryFolder _folder = new();
    private readonly byte[] _images = RandomNetwork.Images(Images, Size, 3);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("torch", 7)]
    [InlineData("torch", 9)]
    [InlineData("torch", 11)]
    [InlineData("torch", 13)]
    [InlineData("torch", 17)]
    [InlineData("torch", 21)]
    [InlineData("cntk", 8)]
    [InlineData("cntk batch of 3", 8)]
    [InlineData("keras", 9)]
    [InlineData("keras", 13)]
    [InlineData("keras", 18)]
    [InlineData("one pixel", 13)]
    [InlineData("half", 13)]
    [InlineData("transformer", 17)]
    [InlineData("transformer of a fixed batch", 20)]
    public void Every_foreign_network_has_an_int8_and_a_half_precision_form(string kind, int opset)
    {
        var graph = Import(kind switch
        {
            "torch" => ForeignNetworks.Torch(opset, isViewed: true, isNormalized: true),
            "cntk" => ForeignNetworks.Cntk(opset),
            "cntk batch of 3" => ForeignNetworks.Cntk(opset, batch: 3),
            "keras" => ForeignNetworks.Keras(opset),
            "one pixel" => ForeignNetworks.OnePixelHead(opset),
            "half" => ForeignNetworks.InPrecision(ForeignNetworks.Torch(opset), Element.Float16),
            _ => ForeignNetworks.Transformer(opset, kind == "transformer" ? null : 2),
        });
        var layers = new QuantizableLayers(graph);
        var fp32 = Run(graph.Model);
        var spread = Deviation(fp32, fp32.Average());
        var int8 = Int8.Apply(graph, layers.Names.ToHashSet(), Ranges(layers)).Model;

        // The head's inputs are means, which hardly differ from image to image in a network of drawn weights.
        Assert.InRange(Deviation(Run(int8), fp32), 1e-6, 0.05 * spread);
        Assert.InRange(Deviation(Run(HalfPrecision.Apply(graph).Model), fp32), 1e-7, 2e-3 * spread);
        Assert.All(layers.Names, layer => Assert.Contains(int8.Graph.Initializer, tensor => tensor.DataType == (int)Element.Int8
            && tensor.Name == $"{graph.Nodes.Single(node => node.Name == layer).Input[1]}/quantized"));
        var isTransformer = kind.StartsWith("transformer", StringComparison.Ordinal);
        Assert.Equal(isTransformer ? 8 : 0, layers.Unfit.Count);
        Assert.All(layers.Unfit, layer => Assert.Equal(("MatMul", "both of its factors depend on the image"), (layer.Operator, layer.Reason)));
        var operators = Optimized(int8);
        Assert.False(operators.ContainsKey("Clip"));
        Assert.Equal(kind == "one pixel" ? 1 : 0, operators.GetValueOrDefault("Conv"));   // its scores would have 256 values
        Assert.Equal(isTransformer ? 8 : 0, operators.GetValueOrDefault("MatMul"));
    }

    [Fact]
    public void Onnx_runtime_fuses_depthwise_layers_gates_concatenations_and_leaky_relus_and_keeps_activations_without_an_integer_kernel()
    {
        var graph = Import(Mobile());
        var layers = new QuantizableLayers(graph);
        Assert.Equal(["stem", "depthwise", "gate.down", "gate.up", "left", "right", "last", "fc"], layers.Names);
        var fp32 = Run(graph.Model);
        var int8 = Int8.Apply(graph, layers.Names.ToHashSet(), Ranges(layers)).Model;

        Assert.InRange(Deviation(Run(int8), fp32), 1e-6, 0.05 * Deviation(fp32, fp32.Average()));
        var operators = Optimized(int8);
        Assert.Equal((7, 1, 1, 1, 1, 1), (operators["QLinearConv"], operators["QLinearMul"], operators["QLinearGlobalAveragePool"],
            operators["QLinearConcat"], operators["QLinearLeakyRelu"], operators["QGemm"]));
        Assert.Equal(2, operators["HardSigmoid"]);   // the gate's, and one that HardSwish consists of
        Assert.False(operators.ContainsKey("Conv") || operators.ContainsKey("Gemm") || operators.ContainsKey("Concat"));
        Assert.InRange(Deviation(Run(HalfPrecision.Apply(graph).Model), fp32), 1e-7, 2e-3 * Deviation(fp32, fp32.Average()));
    }

    [Fact]
    public void A_product_is_quantized_in_every_form_of_its_weight_and_named_where_it_cannot_be()
    {
        var graph = new GraphBuilder("products");
        var random = new Random(5);
        var flat = graph.Node("Flatten", "flat", [graph.Node("AveragePool", "pool", [graph.Input("x", Element.Float, 3, Size, Size)],
            [Attribute.Ints("kernel_shape", 4, 4), Attribute.Ints("strides", 4, 4)])]);                        // (N, 48)
        var rows = graph.Node("Gemm", "rows", [flat, Draw("rows.weight", 12, 48), Draw("rows.bias", 12)],
            [Attribute.Int("transB", 1), Attribute.Float("alpha", 0.5f), Attribute.Float("beta", 3)]);
        var columns = graph.Node("Gemm", "columns", [rows, Draw("shared", 12, 12), graph.Initializer("one", [0.25f], 1)]);
        var again = graph.Node("MatMul", "again", [columns, "shared"]);
        var turned = graph.Node("Transpose", "turned", [again], [Attribute.Ints("perm", 1, 0)]);                // (12, N)
        var first = graph.Node("MatMul", "first", [Draw("first.weight", 4, 12), turned]);                       // (4, N)
        graph.Node("Transpose", "logits", [first], [Attribute.Ints("perm", 1, 0)]);
        graph.Output("logits", Element.Float, 4);
        var imported = Import(graph.Build(13));
        var layers = new QuantizableLayers(imported);

        Assert.Equal(["rows", "columns", "again"], layers.Names);
        Assert.Equal("MatMul 'first': its weight stands in the first place", Assert.Single(layers.Unfit).ToString());
        var fp32 = Run(imported.Model);
        Assert.InRange(Deviation(Run(Int8.Apply(imported, layers.Names.ToHashSet(), Ranges(layers)).Model), fp32), 1e-6, 0.03 * Deviation(fp32, fp32.Average()));

        string Draw(string name, params long[] shape) =>
            graph.Initializer(name, [.. Enumerable.Range(0, (int)Extents.Elements(shape)).Select(_ => (float)(random.NextDouble() - 0.4))], shape);
    }

    [Fact]
    public void Squares_beyond_half_precision_are_summed_in_full_precision()
    {
        var graph = new GraphBuilder("length");
        var x = graph.Node("Flatten", "flat", [graph.Node("AveragePool", "pool", [graph.Input("x", Element.Float, 3, Size, Size)],
            [Attribute.Ints("kernel_shape", 8, 8), Attribute.Ints("strides", 8, 8)])]);                                               // (N, 12), about 0.5
        var large = graph.Node("Gemm", "large", [x, graph.Initializer("w", [.. Enumerable.Range(0, 12 * 4).Select(i => (float)((i * 37 % 23) - 9) * 100)], 12, 4)]);
        var sum = graph.Node("ReduceSum", "sum", [graph.Node("Mul", "squares", [large, large]), graph.Integers(1)], [Attribute.Int("keepdims", 1)]);
        graph.Node("Div", "logits", [large, graph.Node("Sqrt", "root", [sum])]);
        graph.Output("logits", Element.Float, 4);
        var imported = Import(graph.Build(13));

        var fp32 = Run(imported.Model);
        Assert.InRange(Deviation(Run(HalfPrecision.Apply(imported).Model), fp32), 0, 2e-3);
        Assert.InRange(Deviation(fp32, 0), 0.49, 0.51);   // of length 1
    }

    /// <summary>What mobile networks have beside the forms of <see cref="ForeignNetworks"/>, opset 14.</summary>
    private static ModelProto Mobile()
    {
        var graph = new GraphBuilder("mobile");
        var random = new Random(11);
        var stem = graph.Node("HardSwish", "stem.act", [Conv("stem", graph.Input("x", Element.Float, 3, Size, Size), 3, 8, 3)]);
        var deep = graph.Node("Relu", "depthwise.act", [Conv("depthwise", stem, 1, 8, 3, Attribute.Int("group", 8))]);
        var mean = graph.Node("GlobalAveragePool", "gate.mean", [deep]);
        var small = graph.Node("Relu", "gate.act", [Conv("gate.down", mean, 8, 4, 1)]);
        var gate = graph.Node("HardSigmoid", "gate", [Conv("gate.up", small, 4, 8, 1)], [Attribute.Float("alpha", 1 / 6f)]);
        var gated = graph.Node("Mul", "gated", [deep, gate]);
        var left = graph.Node("LeakyRelu", "left.act", [Conv("left", gated, 8, 6, 1)], [Attribute.Float("alpha", 0.1f)]);
        var both = graph.Node("Concat", "both", [left, Conv("right", gated, 8, 6, 3)], [Attribute.Int("axis", 1)]);
        var last = graph.Node("Relu", "last.act", [Conv("last", both, 12, 10, 3)]);
        var flat = graph.Node("Flatten", "flat", [graph.Node("GlobalAveragePool", "mean", [last])]);
        graph.Node("Gemm", "fc", [flat, Draw("fc.weight", 10, 4)], [], "logits");
        graph.Output("logits", Element.Float, 4);
        return graph.Build(14);

        string Conv(string name, string x, int inputs, int outputs, int kernel, params AttributeProto[] attributes) => graph.Node("Conv", name,
            [x, Draw($"{name}.weight", outputs, inputs, kernel, kernel), Draw($"{name}.bias", outputs)],
            [Attribute.Ints("pads", kernel / 2, kernel / 2, kernel / 2, kernel / 2), .. attributes]);

        string Draw(string name, params long[] shape) =>
            graph.Initializer(name, [.. Enumerable.Range(0, (int)Extents.Elements(shape)).Select(_ => (float)(random.NextDouble() - 0.45))], shape);
    }

    private OnnxGraph Import(ModelProto model)
    {
        var path = _folder.File("foreign.onnx");
        File.WriteAllBytes(path, model.ToByteArray());
        var imported = ModelImporter.Import(path, new ImportOptions { Scale = 1 / 255.0, Part = ImportPart.Classifier }, CancellationToken.None);
        return ClassifierModel.Build(imported, ["a", "b", "c", "d"], Fit.Crop);
    }

    /// <summary>Logits, as <c>evaluate</c> gets them of the file alone.</summary>
    private float[] Run(ModelProto model)
    {
        using var classifier = OnnxClassifier.Open(Save(model));
        var logits = new float[Images * classifier.ClassCount];
        classifier.Run(_images, Images, logits);
        return logits;
    }

    private Dictionary<string, ValueRange> Ranges(QuantizableLayers layers)
    {
        using var session = new InferenceSession(Save(layers.WithObservedOutputs().Model));
        using var input = OrtValue.CreateTensorValueFromMemory(_images, [Images, 3, Size, Size]);
        using var run = new RunOptions();
        var values = layers.ObservedValues();
        using var outputs = session.Run(run, ["images"], [input], [.. values]);
        return values.Zip(outputs.Select(output => output.GetTensorDataAsSpan<float>().ToArray())).ToDictionary(
            pair => pair.First, pair => new ValueRange(pair.Second.Min(), pair.Second.Max()));
    }

    /// <summary>How often each operator stands in what ONNX Runtime makes of a model.</summary>
    private Dictionary<string, int> Optimized(ModelProto model)
    {
        var optimized = _folder.File("optimized.onnx");
        using var options = new SessionOptions
        {
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_EXTENDED,   // the level above depends on the processor
            OptimizedModelFilePath = optimized,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        using (new InferenceSession(Save(model), options))
        {
            return ModelProto.Parser.ParseFrom(File.ReadAllBytes(optimized)).Graph.Node.CountBy(node => node.OpType).ToDictionary();
        }
    }

    private string Save(ModelProto model)
    {
        var file = _folder.File($"{Guid.NewGuid():N}.onnx");
        NetworkExporter.Save(model, file);
        return file;
    }

    private static double Deviation(IReadOnlyList<float> a, IReadOnlyList<float> b) => Math.Sqrt(a.Zip(b, (x, y) => (double)(x - y) * (x - y)).Average());

    private static double Deviation(IReadOnlyList<float> a, float b) => Deviation(a, [.. a.Select(_ => b)]);
}
