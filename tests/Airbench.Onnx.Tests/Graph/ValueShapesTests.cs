using Airbench.Onnx;
using static Airbench.Onnx.Proto.TensorProto.Types;
using Attribute = Airbench.Onnx.Attribute;

namespace Airbench.Tests;

/// <summary>Shapes by running the graph on two batches.</summary>
public sealed class ValueShapesTests
{
    [Fact]
    public void Extents_are_fixed_or_so_many_times_the_images()
    {
        var graph = new GraphBuilder("test");
        var x = graph.Input("x", DataType.Float, 3, 8, 6);
        graph.Node("Conv", "conv", [x, graph.Initializer("w", new float[5 * 3 * 3 * 3], 5, 3, 3, 3)], [Attribute.Ints("strides", 2, 2)]);
        graph.Node("Reshape", "rows", ["conv", graph.Integers(-1, 2)]);
        graph.Node("Transpose", "turned", ["rows"], [Attribute.Ints("perm", 1, 0)]);
        graph.Node("Cast", "bytes", ["turned"], [Attribute.Int("to", (long)DataType.Uint8)]);
        graph.Node("ReduceMean", "mean", [x], [Attribute.Int("keepdims", 0)]);
        graph.Output("conv", DataType.Float, 5, 3, 2);

        var shapes = Measure(graph);

        Assert.Equal("float [N,3,8,6]", shapes["x"]!.ToString());
        Assert.Equal("float [5,3,3,3]", shapes["w"]!.ToString());
        Assert.Equal("float [N,5,3,2]", shapes["conv"]!.ToString());
        Assert.Equal("float [15 N,2]", shapes["rows"]!.ToString());
        Assert.Equal("float [2,15 N]", shapes["turned"]!.ToString());
        Assert.Equal("uint8 [2,15 N]", shapes["bytes"]!.ToString());
        Assert.Equal("float []", shapes["mean"]!.ToString());
        Assert.True(shapes["x"]!.Extents[0].IsBatch);
        Assert.False(shapes["turned"]!.Extents[1].IsBatch);
        Assert.Equal(60, shapes["turned"]!.Extents[1].In(4));
        Assert.True(shapes["mean"]!.IsFixed);
    }

    [Fact]
    public void Integers_that_follow_from_shapes_are_known_and_those_that_grow_or_depend_on_images_are_not()
    {
        var graph = new GraphBuilder("test");
        var x = graph.Input("x", DataType.Float, 3, 4, 5);
        var shape = graph.Node("Shape", "shape", [x]);
        var side = graph.Node("Gather", "side", [shape, graph.Integers(2, 3)]);
        var batch = graph.Node("Gather", "batch", [shape, graph.Integers(0)]);
        var product = graph.Node("ReduceProd", "product", [side]);
        graph.Node("Concat", "target", [graph.Integers(-1), product], [Attribute.Int("axis", 0)]);
        graph.Node("Concat", "growing", [batch, product], [Attribute.Int("axis", 0)]);
        graph.Node("ArgMax", "brightest", [graph.Node("ReduceMean", "average", [x], [Attribute.Ints("axes", 0, 2, 3)])], [Attribute.Int("axis", 1)]);
        graph.Output("x", DataType.Float, 3, 4, 5);

        var shapes = Measure(graph);

        Assert.Equal([4L, 5], shapes["side"]!.Integers!);
        Assert.Equal([-1L, 20], shapes["target"]!.Integers!);
        Assert.Equal([2L, 3], shapes["int64.2_3"]!.Integers!);
        Assert.Equal("int64 [2]", shapes["growing"]!.ToString());
        Assert.Null(shapes["growing"]!.Integers);
        Assert.Null(shapes["brightest"]!.Integers);   // the same in both batches of zeros, but not for other images
    }

    [Fact]
    public void What_grows_in_another_way_and_what_is_no_tensor_is_unknown()
    {
        var graph = new GraphBuilder("test");
        var x = graph.Input("x", DataType.Float, 3);
        graph.Node("Concat", "longer", [x, graph.Initializer("row", [1, 2, 3], 1, 3)], [Attribute.Int("axis", 0)]);
        graph.Node("MatMul", "square", [x, graph.Node("Transpose", "turned", [x])]);
        graph.Node("SplitToSequence", "sequence", [x], [Attribute.Int("axis", 1)]);
        graph.Output("square", DataType.Float, 3);

        var shapes = Measure(graph);

        Assert.Null(shapes["longer"]);
        Assert.Equal("float [N,N]", shapes["square"]!.ToString());
        Assert.Null(shapes["sequence"]);
        Assert.Null(shapes["absent"]);
    }

    [Fact]
    public void A_graph_of_one_image_has_fixed_extents_alone()
    {
        var graph = new GraphBuilder("test");
        graph.FixedInput("x", DataType.Float, 1, 3);
        graph.FixedOutput(graph.Node("Reshape", "y", ["x", graph.Integers(3)]), DataType.Float, 3);
        Assert.Equal("float [3]", Measure(graph)["y"]!.ToString());
    }

    [Fact]
    public void An_input_of_any_height_is_named()
    {
        var graph = new GraphBuilder("test");
        graph.Input("pixels", DataType.Float, [GraphBuilder.Batch, "3", "H", "W"]);
        graph.Output(graph.Node("Relu", "y", ["pixels"]), DataType.Float, 3);
        var error = Assert.Throws<InvalidFileException>(() => Measure(graph));
        Assert.Contains("input 'pixels' has open dimensions besides the number of images", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_graph_that_does_not_run_on_two_images_names_its_node()
    {
        var graph = new GraphBuilder("test");
        graph.Input("x", DataType.Float, 3, 4);
        graph.Output(graph.Node("Reshape", "head/flat", ["x", graph.Integers(1, 12)]), DataType.Float, 12);
        var error = Assert.Throws<InvalidFileException>(() => Measure(graph));
        Assert.Contains("test.onnx: does not run in ONNX Runtime with 2 or 3 images", error.Message, StringComparison.Ordinal);
        Assert.Contains("head/flat", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_graph_stays_as_it_is()
    {
        var graph = new GraphBuilder("test");
        graph.Node("Relu", "inner", [graph.Input("x", DataType.Float, 2)]);
        graph.Output(graph.Node("Relu", "y", ["inner"]), DataType.Float, 2);
        var model = graph.Build(17);
        var before = model.Clone();
        ValueShapes.Measure(new OnnxGraph(model), "test.onnx");
        Assert.Equal(before, model);
    }

    private static ValueShapes Measure(GraphBuilder graph) => ValueShapes.Measure(new OnnxGraph(graph.Build(17)), "test.onnx");
}
