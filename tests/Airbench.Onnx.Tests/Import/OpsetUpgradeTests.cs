using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using Attribute = Airbench.Onnx.Attribute;
using Element = Airbench.Onnx.Proto.TensorProto.Types.DataType;

namespace Airbench.Tests;

/// <summary>Each operator that changed between opset 7 and 13, before and after: ONNX Runtime computes the same.</summary>
public sealed class OpsetUpgradeTests
{
    private delegate string Write(GraphBuilder graph, string x);

    private static readonly Dictionary<string, (int[] Opsets, Write Write)> Cases = new()
    {
        ["BatchNormalization"] = ([7, 8, 9, 12], (graph, x) => graph.Node("BatchNormalization", "y",
            [x, graph.Ones(4), graph.Initializer("b", [1, 2, 3, 4], 4), graph.Initializer("m", [0, 1, 0, 1], 4), graph.Ones(4)])),
        ["BatchNormalization with spatial"] = ([7, 8], (graph, x) => graph.Node("BatchNormalization", "y",
            [x, graph.Ones(4), graph.Initializer("b", [1, 2, 3, 4], 4), graph.Initializer("m", [0, 1, 0, 1], 4), graph.Ones(4)], [Attribute.Int("spatial", 1)])),
        ["Clip with both bounds"] = ([7, 10], (graph, x) => graph.Node("Clip", "y", [x], [Attribute.Float("min", -0.2f), Attribute.Float("max", 0.3f)])),
        ["Clip with the upper bound alone"] = ([7, 10], (graph, x) => graph.Node("Clip", "y", [x], [Attribute.Float("max", 0.3f)])),
        ["Clip with bounds as inputs"] = ([11, 12], (graph, x) => graph.Node("Clip", "y", [x, graph.Scalar("a", -0.2f), graph.Scalar("b", 0.3f)])),
        ["Pad"] = ([7, 10], (graph, x) => graph.Node("Pad", "y", [x], [Attribute.Ints("pads", 0, 0, 1, 2, 0, 1, 0, 3), Attribute.Float("value", 0.5f)])),
        ["Slice"] = ([7, 9], (graph, x) => graph.Node("Slice", "y", [x], [Attribute.Ints("axes", 2, 3), Attribute.Ints("starts", 1, 0), Attribute.Ints("ends", 9000, -1)])),
        ["Slice without axes"] = ([7, 9], (graph, x) => graph.Node("Slice", "y", [x], [Attribute.Ints("starts", 0, 1), Attribute.Ints("ends", 2, 3)])),
        ["Squeeze and Unsqueeze"] = ([7, 11, 12], (graph, x) => graph.Node("Squeeze", "y", [graph.Node("Unsqueeze", "u", [x], [Attribute.Ints("axes", 0, 2)])], [Attribute.Ints("axes", 0)])),
        ["ReduceSum"] = ([7, 11], (graph, x) => graph.Node("ReduceSum", "y", [x], [Attribute.Ints("axes", 1, 3), Attribute.Int("keepdims", 0)])),
        ["ReduceSum over everything"] = ([7, 11], (graph, x) => graph.Node("ReduceSum", "y", [x])),
        ["Split"] = ([7, 11], (graph, x) => Second(graph, "Split", x, [Attribute.Int("axis", 1), Attribute.Ints("split", 1, 3)])),
        ["Split in equal parts"] = ([7, 11], (graph, x) => Second(graph, "Split", x, [Attribute.Int("axis", 1)])),
        ["TopK"] = ([7, 9], (graph, x) => First(graph, "TopK", x, [Attribute.Int("axis", 3), Attribute.Int("k", 2)])),
        ["TopK with k as an input"] = ([10], (graph, x) => First(graph, "TopK", x, [Attribute.Int("axis", 3)], graph.Integers(2))),
        ["Dropout"] = ([7, 10], (graph, x) => graph.Node("Relu", "y", [graph.Node("Dropout", "d", [x], [Attribute.Float("ratio", 0.5f)])])),
        ["Upsample of the nearest"] = ([7, 8], (graph, x) => graph.Node("Upsample", "y", [x], [Text("mode", "nearest"), Floats("scales", 1, 1, 2, 3)])),
        ["Upsample between"] = ([7, 8], (graph, x) => graph.Node("Upsample", "y", [x], [Text("mode", "linear"), Floats("scales", 1, 1, 2, 3)])),
        ["Upsample with scales as an input"] = ([9], (graph, x) => graph.Node("Upsample", "y", [x, graph.Initializer("s", [1, 1, 2, 1.5f], 4)], [Text("mode", "nearest")])),
        ["Resize of the nearest"] = ([10], (graph, x) => graph.Node("Resize", "y", [x, graph.Initializer("s", [1, 1, 0.5f, 1.5f], 4)], [Text("mode", "nearest")])),
        ["Resize between"] = ([10], (graph, x) => graph.Node("Resize", "y", [x, graph.Initializer("s", [1, 1, 0.5f, 1.5f], 4)], [Text("mode", "linear")])),
        ["Resize with coordinates"] = ([11, 12], (graph, x) => graph.Node("Resize", "y", [x, graph.Constant("roi", [], 0), graph.Initializer("s", [1, 1, 2, 2], 4)], [Text("mode", "linear")])),
        ["Softmax of several axes"] = ([7, 11, 12], (graph, x) => graph.Node("Softmax", "y", [x])),
        ["Softmax of the last axis"] = ([7, 12], (graph, x) => graph.Node("Softmax", "y", [x], [Attribute.Int("axis", 3)])),
        ["LogSoftmax from the second last axis"] = ([11, 12], (graph, x) => graph.Node("LogSoftmax", "y", [x], [Attribute.Int("axis", -2)])),
        ["Softmax of one pixel"] = ([7, 12], (graph, x) => graph.Node("Softmax", "y", [graph.Node("GlobalAveragePool", "p", [x])])),
        ["Scatter"] = ([9, 10], (graph, x) => graph.Node("Scatter", "y",
            [x, graph.Node("Reshape", "at", [graph.Integers(2), graph.Integers(1, 1, 1, 1)]), graph.Initializer("v", [9f], 1, 1, 1, 1)], [Attribute.Int("axis", 1)])),
        ["AveragePool with ceil_mode"] = ([10, 12], (graph, x) => graph.Node("AveragePool", "y", [x], [Attribute.Ints("kernel_shape", 2, 2), Attribute.Ints("strides", 2, 2), Attribute.Int("ceil_mode", 1)])),
        ["MaxPool with storage_order"] = ([8, 12], (graph, x) => graph.Node("MaxPool", "y", [x], [Attribute.Ints("kernel_shape", 2, 2), Attribute.Int("storage_order", 0)])),
        ["Gemm"] = ([7, 9, 11], (graph, x) => graph.Node("Gemm", "y", [graph.Node("Flatten", "f", [x]), graph.Initializer("w", [.. Enumerable.Range(0, 160).Select(i => i / 160f)], 80, 2), graph.Ones(2)])),
    };

    public static TheoryData<string, int> Names => [.. Cases.SelectMany(entry => entry.Value.Opsets.Select(opset => (entry.Key, opset)))];

    [Theory]
    [MemberData(nameof(Names))]
    public void Computes_in_opset_13_what_it_computed_before(string name, int opset)
    {
        var graph = new GraphBuilder("test");
        var y = Cases[name].Write(graph, graph.Input("x", Element.Float, 4, 4, 5));
        var model = graph.Build(opset);
        model.Graph.Output.Add(new ValueInfoProto { Name = y });
        var raised = model.Clone();
        PlainGraph.Make("test", raised);
        OpsetUpgrade.Apply("test", raised, opset, new Dictionary<string, long[]> { ["x"] = [2, 4, 4, 5], ["p"] = [2, 4, 1, 1] });

        Assert.Equal(13, raised.OpsetImport.Single().Version);
        var (before, after) = (Run(model, y), Run(raised, y));
        Assert.Equal(before.Shape, after.Shape);
        RequireSame(before.Values, after.Values);

        var unknown = model.Clone();
        PlainGraph.Make("test", unknown);
        OpsetUpgrade.Apply("test", unknown, opset, new Dictionary<string, long[]>());
        RequireSame(before.Values, Run(unknown, y).Values);
    }

    [Fact]
    public void What_has_no_form_in_opset_13_is_refused_by_name()
    {
        var graph = new GraphBuilder("test");
        var x = graph.Input("x", Element.Float, 4, 2, 2);
        graph.Node("BatchNormalization", "norm", [x, graph.Ones(4), graph.Ones(4), graph.Ones(4), graph.Ones(4)], [Attribute.Int("spatial", 0)]);
        Assert.Contains("BatchNormalization 'norm' (spatial: 0)", Refused(graph, 8), StringComparison.Ordinal);

        graph = new GraphBuilder("test");
        graph.Node("Dropout", "drop", [graph.Input("x", Element.Float, 4, 2, 2)], ["kept", "mask"], []);
        graph.Node("Mul", "y", ["kept", "mask"]);
        Assert.Contains("reads the mask of Dropout 'drop'", Refused(graph, 9), StringComparison.Ordinal);
    }

    /// <summary>Equal but for the order in which threads add up.</summary>
    private static void RequireSame(float[] wanted, float[] found)
    {
        Assert.Equal(wanted.Length, found.Length);
        Assert.All(wanted.Zip(found), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1e-6 * Math.Max(1, Math.Abs(pair.First))));
    }

    private static string Refused(GraphBuilder graph, int opset) =>
        Assert.Throws<InvalidFileException>(() => OpsetUpgrade.Apply("test", graph.Build(opset), opset, new Dictionary<string, long[]>())).Message;

    private static (float[] Values, long[] Shape) Run(ModelProto model, string output)
    {
        var random = new Random(5);
        using var run = ModelRun.Of("test", ModelProto.Parser.ParseFrom(model.ToByteArray()));
        using var x = OrtValue.CreateTensorValueFromMemory([.. Enumerable.Range(0, 160).Select(_ => (float)(random.NextDouble() - 0.5))], [2, 4, 4, 5]);
        return run.Floats("x", x, output);
    }

    private static string First(GraphBuilder graph, string op, string x, AttributeProto[] attributes, params string[] more)
    {
        graph.Node(op, op, [x, .. more], ["y", "other"], attributes);
        return "y";
    }

    private static string Second(GraphBuilder graph, string op, string x, AttributeProto[] attributes)
    {
        graph.Node(op, op, [x], ["other", "y"], attributes);
        return "y";
    }

    private static AttributeProto Text(string name, string value) =>
        new() { Name = name, Type = AttributeProto.Types.AttributeType.String, S = ByteString.CopyFromUtf8(value) };

    private static AttributeProto Floats(string name, params float[] values) =>
        new() { Name = name, Type = AttributeProto.Types.AttributeType.Floats, Floats = { values } };
}
