using Airbench.Onnx;
using Microsoft.ML.OnnxRuntime;
using Attribute = Airbench.Onnx.Attribute;
using Element = Airbench.Onnx.Proto.TensorProto.Types.DataType;

namespace Airbench.Tests;

/// <summary>Batch norms of any graph, folded; the graph before is the oracle.</summary>
public sealed class FoldBatchNormTests
{
    private readonly Random _random = new(2);

    [Fact]
    public void Folds_behind_convolutions_with_groups_with_shared_weights_and_at_the_end_and_keeps_others()
    {
        var graph = new GraphBuilder("test");
        var x = graph.Input("x", Element.Float, 4, 5, 5);
        var first = Norm(graph, "n1", graph.Node("Conv", "c1", [x, Draw(graph, "w1", 6, 2, 3, 3), Draw(graph, "b1", 6)], [Attribute.Int("group", 2)]), 6);
        var shared = Draw(graph, "w2", 6, 6, 1, 1);
        var second = Norm(graph, "n2", graph.Node("Conv", "c2", [graph.Node("Relu", "r1", [first]), shared]), 6);
        var twice = graph.Node("Conv", "c3", [second, shared]);
        var kept = graph.Node("Add", "sum", [Norm(graph, "n3", twice, 6), twice]);   // the convolution has another reader
        var last = Norm(graph, "n4", graph.Node("Conv", "c4", [Norm(graph, "n5", kept, 6), Draw(graph, "w4", 3, 6, 3, 3)]), 3);
        graph.Output(last, Element.Float, 3, 1, 1);
        var source = new OnnxGraph(graph.Build(17));

        var folded = FoldBatchNorm.Apply(source, "test");

        Assert.Equal(["n3", "n5"], folded.Nodes.Where(node => node.OpType == "BatchNormalization").Select(node => node.Name));
        Assert.Equal(5, source.Nodes.Count(node => node.OpType == "BatchNormalization"));
        var pixels = Enumerable.Range(0, 2 * 100).Select(_ => (float)_random.NextDouble()).ToArray();
        using var value = OrtValue.CreateTensorValueFromMemory(pixels, [2, 4, 5, 5]);
        using var before = ModelRun.Of("test", source.Model, GraphOptimization.Disabled);
        using var after = ModelRun.Of("test", folded.Model, GraphOptimization.Disabled);
        var (wanted, found) = (before.Floats("x", value, "n4").Values, after.Floats("x", value, "n4").Values);
        Assert.All(wanted.Zip(found), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1e-5 * wanted.Max(Math.Abs)));
    }

    [Fact]
    public void A_weight_that_float32_cannot_hold_is_named()
    {
        var graph = new GraphBuilder("test");
        var conv = graph.Node("Conv", "c", [graph.Input("x", Element.Float, 1, 1, 1), graph.Initializer("w", [1e30f], 1, 1, 1, 1)]);
        graph.Node("BatchNormalization", "n", [conv, graph.Initializer("s", [1e30f], 1), graph.Ones(1), graph.Ones(1), graph.Ones(1)]);
        graph.Output("n", Element.Float, 1, 1, 1);

        var error = Assert.Throws<InvalidFileException>(() => FoldBatchNorm.Apply(new OnnxGraph(graph.Build(17)), "big.onnx"));
        Assert.Contains("element 0 of 'w' overflows float32 once n is folded into it", error.Message, StringComparison.Ordinal);
    }

    private string Norm(GraphBuilder graph, string name, string x, int channels) => graph.Node("BatchNormalization", name,
        [x, Draw(graph, $"{name}.s", channels), Draw(graph, $"{name}.b", channels), Draw(graph, $"{name}.m", channels),
            graph.Initializer($"{name}.v", [.. Enumerable.Range(0, channels).Select(_ => (float)(0.5 + _random.NextDouble()))], channels)],
        [Attribute.Float("epsilon", 0.01f)]);

    private string Draw(GraphBuilder graph, string name, params long[] shape) =>
        graph.Initializer(name, [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (a, b) => a * b)).Select(_ => (float)(_random.NextDouble() - 0.5))], shape);
}
