using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using Attribute = Airbench.Onnx.Attribute;
using Element = Airbench.Onnx.Proto.TensorProto.Types.DataType;

namespace Airbench.Tests;

/// <summary>What stands before the first layer goes into it, or becomes few nodes; ONNX Runtime on the nodes as they were is the oracle.</summary>
public sealed class PixelMapTests : IDisposable
{
    private const int Size = 6;

    private readonly TemporaryFolder _folder = new();

    private delegate string Write(GraphBuilder graph, string x);

    /// <summary>Each front by a name for people, with the operators that are left of it before the convolution, without and with padding.</summary>
    private static readonly Dictionary<string, (Write Front, string Bare, string Padded)> Fronts = new()
    {
        ["nothing"] = ((_, x) => x, "", ""),
        ["a factor"] = ((graph, x) => graph.Node("Div", "d", [x, graph.Scalar("s", 255)]), "", ""),
        ["a mean and a deviation"] = ((graph, x) => graph.Node("Div", "d", [graph.Node("Sub", "m", [x, Channels(graph, "mean", 110, 120, 130)]), Channels(graph, "std", 50, 60, 70)]), "", "Sub"),
        ["a constant less the pixels"] = ((graph, x) => graph.Node("Sub", "m", [graph.Scalar("white", 255), x]), "", "Sub"),
        ["a summand and a factor, twice"] = ((graph, x) => graph.Node("Add", "b", [graph.Scalar("one", 1), graph.Node("Mul", "a", [Channels(graph, "f", -1, 2, 3), graph.Node("Add", "z", [x, Channels(graph, "summand", 1, 2, 3)])])]), "", "Sub"),
        ["another order"] = ((graph, x) => graph.Node("Gather", "g", [x, graph.Integers(2, 0, 1)], [Attribute.Int("axis", 1)]), "", ""),
        ["another order by Split and Concat, then a mean image"] = ((graph, x) => graph.Node("Sub", "m", [Turned(graph, x), Image(graph)]), "Sub", "Sub"),
        ["a mean image, then another order and a factor"] = ((graph, x) => graph.Node("Mul", "k", [Turned(graph, graph.Node("Sub", "m", [x, Image(graph)])), Channels(graph, "f", 2, 3, 4)]), "Sub", "Sub"),
        ["there and back in layout with a mean between"] = ((graph, x) => graph.Node("Transpose", "t2", [graph.Node("Sub", "m", [graph.Node("Transpose", "t1", [x], [Attribute.Ints("perm", 0, 2, 3, 1)]),
            graph.Initializer("mean", [10f, 20, 30], 3)])], [Attribute.Ints("perm", 0, 3, 1, 2)]), "", "Sub"),
        ["an Identity and a Cast"] = ((graph, x) => graph.Node("Cast", "c", [graph.Node("Identity", "i", [x])], [Attribute.Int("to", (long)Element.Float)]), "", ""),
        ["a Relu, which is no arithmetic"] = ((graph, x) => graph.Node("Relu", "r", [graph.Node("Sub", "m", [x, Channels(graph, "mean", 110, 120, 130)])]), "Add Relu", "Add Relu"),
    };

    public static TheoryData<string> Names => [.. Fronts.Keys];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void Arithmetic_on_pixels_goes_into_the_first_convolution_or_is_one_node(string name)
    {
        foreach (var pad in (long[])[0, 1])
        {
            var random = new Random(4);
            var graph = new GraphBuilder("front");
            var x = Fronts[name].Front(graph, graph.Input("x", Element.Float, 3, Size, Size));
            var weight = graph.Initializer("w", [.. Enumerable.Range(0, 5 * 3 * 9).Select(_ => (float)(random.NextDouble() - 0.5))], 5, 3, 3, 3);
            graph.Node("Flatten", "y", [graph.Node("GlobalAveragePool", "p", [graph.Node("Relu", "act", [graph.Node("Conv", "c1", [x, weight], [Attribute.Ints("pads", pad, pad, pad, pad)])])])]);
            graph.Output("y", Element.Float, 5);
            var path = _folder.File("front.onnx");
            File.WriteAllBytes(path, graph.Build(13).ToByteArray());

            var imported = ModelImporter.Import(path, new ImportOptions { Scale = 1 }, CancellationToken.None);

            var before = string.Join(' ', imported.Graph.Nodes.TakeWhile(node => node.OpType != "Conv").Select(node => node.OpType));
            Assert.Equal(pad == 0 ? Fronts[name].Bare : Fronts[name].Padded, before);
            var pixels = Enumerable.Range(0, 2 * 3 * Size * Size).Select(_ => (float)random.Next(256)).ToArray();
            var (wanted, found) = (Run(ModelProto.Parser.ParseFrom(File.ReadAllBytes(path)), "x", "y", pixels), Run(imported.Graph.Model, "pixels", "features", pixels));
            Assert.True(wanted.Max() > 0);
            Assert.All(wanted.Zip(found), pair => Assert.InRange(Math.Abs(pair.First - pair.Second) / wanted.Max(), 0, 1e-5));
        }
    }

    [Fact]
    public void A_model_that_takes_bytes_keeps_its_normalization_and_one_that_works_on_bytes_gets_them()
    {
        foreach (var isWorked in (bool[])[false, true])
        {
            var graph = new GraphBuilder("bytes");
            var x = graph.Input("x", Element.Uint8, Size, Size, 3);
            var bytes = isWorked ? graph.Node("Max", "brighter", [x, Tensor(graph)]) : x;
            var values = graph.Node("Cast", "values", [bytes], [Attribute.Int("to", (long)Element.Float)]);
            graph.Node("ReduceMean", "y", [graph.Node("Sub", "m", [values, graph.Initializer("mean", [10f, 20, 30], 3)])], [Attribute.Ints("axes", 1, 2), Attribute.Int("keepdims", 0)]);
            graph.Output("y", Element.Float, 3);
            var path = _folder.File("bytes.onnx");
            File.WriteAllBytes(path, graph.Build(13).ToByteArray());

            var imported = ModelImporter.Import(path, new ImportOptions(), CancellationToken.None);

            var pixels = Enumerable.Range(0, 3 * Size * Size).Select(i => (float)(i / (Size * Size) * 60)).ToArray();
            var found = Run(imported.Graph.Model, "pixels", "features", pixels);
            Assert.Equal(isWorked ? [40f, 40, 90] : [-10f, 40, 90], found);
            Assert.Equal(isWorked, imported.Graph.Nodes.Any(node => node.OpType == "Cast"));
        }

        static string Tensor(GraphBuilder graph) => graph.Node("Cast", "least", [graph.Scalar("fifty", 50)], [Attribute.Int("to", (long)Element.Uint8)]);
    }

    private static float[] Run(ModelProto model, string input, string output, float[] pixels)
    {
        using var run = ModelRun.Of("test", model);
        using var value = OrtValue.CreateTensorValueFromMemory(pixels, [pixels.Length / (3 * Size * Size), 3, Size, Size]);
        return run.Floats(input, value, output).Values;
    }

    private static string Channels(GraphBuilder graph, string name, params float[] values) => graph.Initializer(name, values, 1, 3, 1, 1);

    private static string Image(GraphBuilder graph) =>
        graph.Initializer("image", [.. Enumerable.Range(0, 3 * Size * Size).Select(i => 90f + i)], 1, 3, Size, Size);

    private static string Turned(GraphBuilder graph, string x)
    {
        graph.Node("Split", "split", [x, graph.Integers(1, 1, 1)], ["r", "g", "b"], [Attribute.Int("axis", 1)]);
        return graph.Node("Concat", "bgr", ["b", "g", "r"], [Attribute.Int("axis", 1)]);
    }
}
