using Airbench.Onnx.Proto;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Onnx;

/// <summary>
/// Writes what stands between a model's input <c>images</c> and its network: layout, normalization, and for images of any size the resampling
/// of <c>prepare</c>, so that a deployed model sees the pixels that training saw.
/// </summary>
/// <remarks>
/// Resampling is two products with matrices that the graph computes from height and width: the triangle filter of <c>prepare</c>, weight by
/// weight, crop or padding included, rounded to bytes as there. The operator Resize would not do: antialiased only from opset 18 on, it crops nothing, and
/// runtimes differ in its edges.
/// </remarks>
internal static class InputWriter
{
    /// <summary>The value that the first layer reads: float [N,3,S,S], 0 to 255.</summary>
    public const string Pixels = "pixels";

    /// <summary>Pixels less 255 times the mean of each channel.</summary>
    public const string Centred = "pixels/centred";

    /// <summary>(pixel / 255 - mean) / std, what the network reads.</summary>
    public const string Normalized = "pixels/normalized";

    private const string Images = "images";

    /// <summary>Whether a node or constant of this name belongs to the input, not to the network.</summary>
    public static bool IsOurs(string name) =>
        name.StartsWith($"{Images}/", StringComparison.Ordinal) || name.StartsWith($"{Images}.", StringComparison.Ordinal);

    /// <summary>Whether a node or constant of this name makes the network's values of pixels.</summary>
    public static bool IsPixels(string name) => name.StartsWith($"{Pixels}/", StringComparison.Ordinal) || name.StartsWith($"{Pixels}.", StringComparison.Ordinal);

    /// <summary>Adds the input and its nodes; returns <see cref="Pixels"/>.</summary>
    public static string WritePixels(GraphBuilder graph, NetworkSpec network, InputOptions options)
    {
        var size = network.ImageSize;
        var (height, width) = options.AnySize ? ("H", "W") : ($"{size}", $"{size}");
        var x = options.Format switch
        {
            InputFormat.Uint8Nhwc => graph.Node("Transpose", "images/planar",
                [graph.Input(Images, DataType.Uint8, [GraphBuilder.Batch, height, width, "3"])], [Attribute.Ints("perm", 0, 3, 1, 2)]),
            InputFormat.FloatNchw => graph.Node("Mul", "images/scaled",
                [graph.Input(Images, DataType.Float, [GraphBuilder.Batch, "3", height, width]), graph.Scalar("images.255", 255)]),
            _ => graph.Input(Images, DataType.Uint8, [GraphBuilder.Batch, "3", height, width]),
        };
        if (options.AnySize)
        {
            x = options.Format == InputFormat.FloatNchw ? x : graph.Node("Cast", "images/values", [x], [Attribute.Int("to", (long)DataType.Float)]);
            x = Resize(graph, x, size, network.Fit);
        }
        return graph.Node("Cast", Pixels, [x], [Attribute.Int("to", (long)DataType.Float)]);
    }

    /// <summary>The same and the normalization of <paramref name="network"/>; returns <see cref="Normalized"/>.</summary>
    public static string WriteNormalized(GraphBuilder graph, NetworkSpec network, InputOptions options)
    {
        var pixels = WritePixels(graph, network, options);
        var mean = graph.Initializer("pixels.mean", [.. network.Mean.Select(mean => (float)(255 * mean))], 3, 1, 1);
        var scale = graph.Initializer("pixels.scale", [.. network.Std.Select(std => (float)(1 / (255 * std)))], 3, 1, 1);
        return graph.Node("Mul", Normalized, [graph.Node("Sub", Centred, [pixels, mean]), scale]);
    }

    /// <summary>(N, 3, H, W) of any float values -> uint8 (N, 3, S, S).</summary>
    private static string Resize(GraphBuilder graph, string images, int size, Fit fit)
    {
        var shape = graph.Node("Shape", "images/shape", [images]);                       // (4)
        var height = graph.Node("Gather", "images/height", [shape, graph.Integer("images.2", 2)], [Attribute.Int("axis", 0)]);
        var width = graph.Node("Gather", "images/width", [shape, graph.Integer("images.3", 3)], [Attribute.Int("axis", 0)]);
        var side = fit switch
        {
            Fit.Pad => graph.Node("Max", "images/long_side", [height, width]),
            Fit.Stretch => null,
            _ => graph.Node("Min", "images/short_side", [height, width]),
        };
        var columns = graph.Node("Transpose", "images/columns", [Weights(graph, "columns", "W", width, side, size, fit)], [Attribute.Ints("perm", 1, 0)]);
        var rows = Weights(graph, "rows", "H", height, side, size, fit);
        var narrow = graph.Node("MatMul", "images/narrow", [images, columns]);           // (N, 3, H, S)
        var small = graph.Node("MatMul", "images/small", [rows, narrow]);                // (N, 3, S, S)
        var rounded = graph.Node("Floor", "images/rounded", [graph.Node("Add", "images/raised", [small, graph.Scalar("images.half", 0.5f)])]);
        var bounded = graph.Node("Clip", "images/bounded", [rounded, graph.Scalar("images.0", 0), graph.Scalar("images.255", 255)]);
        return graph.Node("Cast", "images/square", [bounded], [Attribute.Int("to", (long)DataType.Uint8)]);
    }

    /// <summary>
    /// The share of each of the L samples along an axis in each of the S pixels of the result: (S, L), rows sum to 1, or to 0 in padding.
    /// </summary>
    /// <param name="graph">Where it is computed.</param>
    /// <param name="axis">For names.</param>
    /// <param name="extent">Name of L where shapes are stated.</param>
    /// <param name="length">L.</param>
    /// <param name="side">The side of the image that becomes <paramref name="size"/>; null where every side does.</param>
    /// <param name="size">S.</param>
    /// <param name="fit">How the image becomes square.</param>
    private static string Weights(GraphBuilder graph, string axis, string extent, string length, string? side, int size, Fit fit)
    {
        var scaled = side is null
            ? graph.Integer("images.size", size)
            : Node("Div", "scaled", Node("Mul", "product", length, graph.Integer("images.size", size)), side);   // whole, rounded down
        scaled = fit == Fit.Pad ? Node("Max", "scaled_to_any", scaled, graph.Integer("images.next", 1)) : scaled;
        var excess = Float("excess", Node("Sub", "beyond", scaled, graph.Integer("images.size", size)));
        var margin = Node("Round", "margin", Node("Mul", "half", excess, graph.Scalar("images.half", 0.5f)));                 // half to even
        var (from, to) = (Float("length", length), Float("scaled_float", scaled));
        var step = Node("Div", "step", from, to);
        var support = Node("Max", "support", step, graph.Scalar("images.1", 1));
        var places = graph.Constant("images.places", [.. Enumerable.Range(0, size).Select(i => i + 0.5f)], size, 1);
        var place = Node("Add", "place", places, margin);
        var centre = Node("Mul", "centre", place, step);                                                                      // (S, 1)
        var count = Node("Range", "indices", graph.Integer("images.first", 0), length, graph.Integer("images.next", 1));
        var samples = Node("Add", "samples", Float("index", graph.Shape(count, DataType.Int64, [extent])), graph.Scalar("images.half", 0.5f));
        var distance = Node("Abs", "distance", Node("Sub", "offset", samples, centre));                                       // (S, L)
        var triangle = Node("Relu", "triangle", Node("Sub", "height", graph.Scalar("images.1", 1), Node("Div", "relative", distance, support)));
        var total = graph.Node("ReduceSum", $"images/{axis}/total", [triangle, graph.Integers("images.axis", 1)], [Attribute.Int("keepdims", 1)]);
        var weights = Node("Div", "weights", triangle, total);
        if (fit != Fit.Pad)
        {
            return weights;
        }
        var half = Node("Mul", "half_scaled", to, graph.Scalar("images.half", 0.5f));
        var isInside = Node("Less", "inside", Node("Abs", "from_middle", Node("Sub", "off_middle", place, half)), half);         // (S, 1)
        return Node("Where", "padded", isInside, weights, graph.Scalar("images.0", 0));                                     // padding has no total: 0 / 0

        string Node(string op, string name, params ReadOnlySpan<string> inputs) => graph.Node(op, $"images/{axis}/{name}", inputs);
        string Float(string name, string value) =>
            graph.Node("Cast", $"images/{axis}/{name}", [value], [Attribute.Int("to", (long)DataType.Float)]);
    }
}
