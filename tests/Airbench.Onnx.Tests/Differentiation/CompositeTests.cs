using Airbench.Onnx;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Tests;

/// <summary>Functions that files spell out in several nodes are found and differentiated as one.</summary>
public sealed class CompositeTests
{
    private const float Half = 0.5f;

    /// <summary>As PyTorch's exporter, our own writer, and converters of TensorFlow write GELU, and SiLU.</summary>
    public static TheoryData<string, string> Spellings => new(
        ("div, gate x, half", "Gelu"), ("half gate, x", "Gelu"), ("half x, gate", "Gelu"), ("half, gate, x", "Gelu"), ("x sigmoid", "Swish"), ("sigmoid x", "Swish"));

    [Theory]
    [MemberData(nameof(Spellings))]
    public void A_function_that_is_spelled_out_is_one_and_its_gradient_is_the_slope(string spelling, string op)
    {
        var sketch = new GraphSketch(new Random(5), 17);
        var x = sketch.Input(2, 3);
        var y = Write(sketch.Graph, x, spelling);
        var found = Find(sketch.Graph, y);
        Assert.Equal(op, found?.Node.OpType);
        Assert.Equal([x], found!.Node.Input);
        Assert.Equal(sketch.Graph.Build(17).Graph.Node.Count, found.Parts.Count);
        sketch.Check(y);
    }

    [Theory]
    [InlineData(0.4f, 1.4142135f, 1f)]
    [InlineData(Half, 1.5f, 1f)]
    [InlineData(Half, 1.4142135f, 2f)]
    public void Other_factors_are_another_function(float half, float root, float one)
    {
        var sketch = new GraphSketch(new Random(5), 17);
        var y = Gelu(sketch.Graph, sketch.Input(2, 3), half, root, one);
        Assert.Null(Find(sketch.Graph, y));
        sketch.Check(y);
    }

    [Fact]
    public void A_value_between_that_another_node_reads_keeps_its_gradient()
    {
        var sketch = new GraphSketch(new Random(5), 17);
        var y = Gelu(sketch.Graph, sketch.Input(2, 3), Half, MathF.Sqrt(2), 1);
        y = sketch.Node("Add", [y, "erf"]);
        Assert.Null(Find(sketch.Graph, "gelu"));
        sketch.Check(y);
    }

    [Fact]
    public void A_factor_that_learns_gets_its_gradient()
    {
        var sketch = new GraphSketch(new Random(5), 17);
        var x = sketch.Input(2, 3);
        var half = sketch.Constant();
        var gate = sketch.Graph.Node("Add", "gate", [sketch.Graph.Node("Erf", "erf", [sketch.Graph.Node("Div", "div", [x, sketch.Graph.Scalar("root", MathF.Sqrt(2))])]), sketch.Graph.Scalar("one", 1)]);
        sketch.Check(sketch.Graph.Node("Mul", "gelu", [sketch.Graph.Node("Mul", "product", [x, gate]), half]));
    }

    private static string Write(GraphBuilder graph, string x, string spelling)
    {
        if (spelling is "x sigmoid" or "sigmoid x")
        {
            var sigmoid = graph.Node("Sigmoid", "sigmoid", [x]);
            return graph.Node("Mul", "silu", spelling == "x sigmoid" ? [x, sigmoid] : [sigmoid, x]);
        }
        if (spelling == "div, gate x, half")
        {
            return Gelu(graph, x, Half, MathF.Sqrt(2), 1);
        }
        var erf = graph.Node("Erf", "erf", [graph.Node("Mul", "scaled", [graph.Scalar("root", MathF.Sqrt(0.5f)), x])]);
        var (gate, half) = (graph.Node("Add", "gate", [graph.Scalar("one", 1), erf]), graph.Initializer("half", [Half], 1));
        return spelling switch
        {
            "half gate, x" => graph.Node("Mul", "gelu", [graph.Node("Mul", "product", [half, gate]), x]),
            "half x, gate" => graph.Node("Mul", "gelu", [graph.Node("Mul", "product", [x, half]), gate]),
            _ => graph.Node("Mul", "gelu", [half, graph.Node("Mul", "product", [gate, x])]),
        };
    }

    private static string Gelu(GraphBuilder graph, string x, float half, float root, float one)
    {
        var erf = graph.Node("Erf", "erf", [graph.Node("Div", "div", [x, graph.Scalar("root", root)])]);
        var product = graph.Node("Mul", "product", [x, graph.Node("Add", "gate", [erf, graph.Scalar("one", one)])]);
        return graph.Node("Mul", "gelu", [product, graph.Scalar("half", half)]);
    }

    private static Composite? Find(GraphBuilder builder, string last)
    {
        var graph = new OnnxGraph(builder.Build(17));
        return Composites.Find(graph, graph.Producer(last)!, name => graph.Constant(name) is { DataType: (int)DataType.Float } tensor ? Onnx.Tensors.Floats(tensor)[0] : null);
    }
}
