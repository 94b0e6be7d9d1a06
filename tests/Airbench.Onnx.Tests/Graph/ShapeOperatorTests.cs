using Airbench.Onnx;
using Airbench.Onnx.Proto;
using CsCheck;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using static Airbench.Onnx.Proto.TensorProto.Types;
using Attribute = Airbench.Onnx.Attribute;

namespace Airbench.Tests;

/// <summary>
/// The operators in front of and behind the network, for other inputs and for views inside, as <see cref="OperatorTests"/> does it for the network's
/// own: each alone in a model of our writer, in ONNX Runtime, against its definition in float64. Batches may be empty.
/// </summary>
public sealed class ShapeOperatorTests
{
    private const int Cases = 20;

    /// <summary>A random tensor [n, 3, h, w] with whole and half values among the others; n may be 0.</summary>
    private sealed record Images(int N, int H, int W, float[] Values)
    {
        public long[] Shape => [N, 3, H, W];

        public float At(int n, int c, int y, int x) => Values[(((((n * 3) + c) * H) + y) * W) + x];
    }

    private static readonly Gen<Images> Any = Gen.Select(Gen.Int[0, 3], Gen.Int[1, 7], Gen.Int[1, 7], Gen.Int[0, 9999]).Select((n, h, w, seed) =>
    {
        var random = new Random(seed);
        return new Images(n, h, w, [.. Enumerable.Range(0, n * 3 * h * w).Select(i => i % 3 == 0 ? random.Next(-9, 9) / 2f : (random.NextSingle() * 20) - 10)]);
    });

    [Theory]
    [InlineData("Floor")]
    [InlineData("Abs")]
    [InlineData("Round")]
    public void Functions_of_one_value(string op) => Any.ForEachCase(x => Assert.Equal(
        x.Values.Select(v => (float)(op switch { "Floor" => Math.Floor(v), "Abs" => Math.Abs(v), _ => Math.Round((double)v, MidpointRounding.ToEven) })),
        Run<float>(x, graph => graph.Node(op, "y", ["x"]))), Cases);

    [Fact]
    public void Gelu_is_the_exact_one() => Any.ForEachCase(
        x => Assert.All(
            x.Values.Zip(Run<float>(x, graph => graph.Node("Gelu", "y", ["x"]), opset: 20)),
            pair => Assert.Equal(pair.First * (1 + ReferenceNetwork.Erf(pair.First / Math.Sqrt(2))) / 2, pair.Second, 1e-5)), Cases);

    [Fact]
    public void Max_with_a_scalar_and_clip_between_two() => Any.ForEachCase(
        x =>
        {
            Assert.Equal(x.Values.Select(v => Math.Max(v, 1)), Run<float>(x, graph => graph.Node("Max", "y", ["x", graph.Scalar("one", 1)])));
            Assert.Equal(
                x.Values.Select(v => Math.Clamp(v, 0, 5)), Run<float>(x, graph => graph.Node("Clip", "y", ["x", graph.Scalar("zero", 0), graph.Scalar("five", 5)])));
        },
        Cases);

    [Fact]
    public void Cast_to_bytes_cuts_off_what_is_behind_the_point() => Any.ForEachCase(
        x =>
        {
            var positive = x with { Values = Array.ConvertAll(x.Values, v => Math.Abs(v)) };
            Assert.Equal(
                positive.Values.Select(v => (byte)Math.Floor(v)),
                Run<byte>(positive, graph => graph.Node("Cast", "y", ["x"], [Attribute.Int("to", (long)DataType.Uint8)]), DataType.Uint8));
        },
        Cases);

    [Fact]
    public void Transpose_makes_planes_of_interleaved_values() => Any.ForEachCase(
        x => Assert.Equal(
            from n in Enumerable.Range(0, x.N)
            from column in Enumerable.Range(0, x.W)
            from c in Enumerable.Range(0, 3)
            from y in Enumerable.Range(0, x.H)
            select x.At(n, c, y, column),
            Run<float>(x, graph => graph.Node("Transpose", "y", ["x"], [Attribute.Ints("perm", 0, 3, 1, 2)]))), Cases);

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Gather_reads_rows_or_columns_in_any_order_and_more_than_once(int axis) => Gen.Select(Any, Gen.Int[0, 999]).ForEachCase(
        (x, seed) =>
        {
            var random = new Random(seed);
            var (rows, columns) = (Enumerable.Range(0, x.H).ToArray(), Enumerable.Range(0, x.W).ToArray());
            int[] picked = [.. Enumerable.Range(0, 5).Select(_ => random.Next(axis == 2 ? x.H : x.W))];
            Assert.Equal(
                from n in Enumerable.Range(0, x.N)
                from c in Enumerable.Range(0, 3)
                from y in axis == 2 ? picked : rows
                from column in axis == 3 ? picked : columns
                select x.At(n, c, y, column),
                Run<float>(x, graph => graph.Node(
                    "Gather", "y", ["x", graph.Integers("picked", Array.ConvertAll(picked, i => (long)i))], [Attribute.Int("axis", axis)])));
        },
        Cases);

    [Fact]
    public void Concat_puts_batches_one_after_the_other() => Any.ForEachCase(
        x => Assert.Equal([.. x.Values, .. x.Values], Run<float>(x, graph => graph.Node("Concat", "y", ["x", "x"], [Attribute.Int("axis", 0)]))), Cases);

    [Fact]
    public void MatMul_from_either_side_goes_over_every_plane() => Any.Where(x => x.N > 0).ForEachCase(   // the one that takes no empty batch
        x =>
        {
            float[] rows = [.. Enumerable.Range(0, 2 * x.H).Select(i => (i % 5) - 1.5f)];
            float[] columns = [.. Enumerable.Range(0, x.W * 2).Select(i => (i % 4) - 0.5f)];
            var found = Run<float>(x, graph => graph.Node("MatMul", "y",
                [graph.Initializer("rows", rows, 2, x.H), graph.Node("MatMul", "narrow", ["x", graph.Initializer("columns", columns, x.W, 2)])]));
            var expected =
                from n in Enumerable.Range(0, x.N)
                from c in Enumerable.Range(0, 3)
                from i in Enumerable.Range(0, 2)
                from j in Enumerable.Range(0, 2)
                select (from y in Enumerable.Range(0, x.H)
                        from column in Enumerable.Range(0, x.W)
                        select (double)rows[(i * x.H) + y] * x.At(n, c, y, column) * columns[(column * 2) + j]).Sum();
            Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, 1e-3));
        },
        Cases);

    [Fact]
    public void Views_are_summed_over_the_first_axis() => Gen.Select(Gen.Int[0, 4], Gen.Int[1, 5]).ForEachCase(
        (n, height) =>
        {
            var x = new Images(2 * n, height, 1, [.. Enumerable.Range(0, 2 * n * 3 * height).Select(i => i * 0.37f)]);
            var found = Run<float>(x, graph => graph.Node("ReduceSum", "y",
                [graph.Node("Reshape", "views", ["x", graph.Integers("shape", 2, -1, 3 * height)]), graph.Integers("axis", 0)], [Attribute.Int("keepdims", 0)]));
            var half = x.Values.Length / 2;
            Assert.All(x.Values[..half].Zip(x.Values[half..]).Zip(found), p => Assert.Equal((double)p.First.First + p.First.Second, p.Second, 1e-4));
        },
        Cases);

    /// <summary>Which images are below a bound: none, some or all.</summary>
    [Fact]
    public void Less_NonZero_and_Squeeze_number_the_small_ones() => Gen.Select(Gen.Int[1, 9], Gen.Float[-1, 1], Gen.Int[0, 999]).ForEachCase(
        (n, bound, seed) =>
        {
            var random = new Random(seed);
            float[] values = [.. Enumerable.Range(0, n).Select(_ => (random.NextSingle() * 2) - 1)];
            var found = Run<long>(values, [n], graph => graph.Node("Squeeze", "y",
                [graph.Node("NonZero", "indices", [graph.Node("Less", "is_less", ["x", graph.Scalar("bound", bound)])]), graph.Integers("axis", 0)]), DataType.Int64);
            Assert.Equal(Enumerable.Range(0, n).Where(i => values[i] < bound).Select(i => (long)i), found);
        },
        Cases);

    [Fact]
    public void Rows_that_were_gathered_go_back_to_their_places() => Gen.Select(Gen.Int[1, 6], Gen.Int[0, 63]).ForEachCase(
        (n, mask) =>
        {
            long[] rows = [.. Enumerable.Range(0, n).Where(i => (mask >> i & 1) != 0).Select(i => (long)i)];
            float[] values = [.. Enumerable.Range(0, n * 2).Select(i => (float)i)];
            var found = Run<float>(values, [n, 2], graph =>
            {
                var places = graph.Integers("rows", rows);
                var picked = graph.Node("Gather", "picked", ["x", places], [Attribute.Int("axis", 0)]);
                var changed = graph.Node("Mul", "changed", [picked, graph.Scalar("minus", -1)]);
                graph.Node("ScatterND", "y", ["x", graph.Node("Unsqueeze", "places", [places, graph.Integers("axis", 1)]), changed]);
            });
            Assert.Equal(values.Select((v, i) => rows.Contains(i / 2) ? -v : v), found);
        },
        Cases);

    [Fact]
    public void Whole_numbers_from_the_shape_are_divided_rounded_down_and_counted_up() => Any.ForEachCase(
        x =>
        {
            long size = 5;
            var found = Run<long>(x, graph =>
            {
                var shape = graph.Node("Shape", "shape", ["x"]);
                var height = graph.Node("Gather", "height", [shape, graph.Integer("two", 2)], [Attribute.Int("axis", 0)]);
                var width = graph.Node("Gather", "width", [shape, graph.Integer("three", 3)], [Attribute.Int("axis", 0)]);
                var product = graph.Node("Mul", "product", [width, graph.Integer("size", size)]);
                var scaled = graph.Node("Div", "scaled", [product, graph.Node("Min", "short", [height, width])]);
                graph.Node("Range", "y", [graph.Integer("zero", 0), scaled, graph.Integer("one", 1)]);
            }, DataType.Int64);
            Assert.Equal(Enumerable.Range(0, (int)(x.W * size / Math.Min(x.W, x.H))).Select(i => (long)i), found);
        },
        Cases);

    [Fact]
    public void QuantizeLinear_rounds_half_to_even_and_saturates_and_DequantizeLinear_goes_back() => Any.ForEachCase(
        x =>
        {
            var found = Run<float>(x, graph =>
            {
                var (scale, zero) = (graph.Scalar("scale", 0.125f), graph.Node("Cast", "zero", [graph.Scalar("zero.float", 60)], [Attribute.Int("to", (long)DataType.Uint8)]));
                graph.Node("DequantizeLinear", "y", [graph.Node("QuantizeLinear", "quantized", ["x", scale, zero]), scale, zero]);
            });
            Assert.Equal(x.Values.Select(v => (float)((Math.Clamp(Math.Round(v / 0.125) + 60, 0, 255) - 60) * 0.125)), found);
        },
        Cases);

    private static T[] Run<T>(Images x, Action<GraphBuilder> add, DataType type = DataType.Float, int opset = 17) where T : unmanaged =>
        Run<T>(x.Values, x.Shape, add, type, opset);

    private static T[] Run<T>(float[] values, long[] shape, Action<GraphBuilder> add, DataType type = DataType.Float, int opset = 17) where T : unmanaged
    {
        var graph = new GraphBuilder("test");
        graph.Input("x", DataType.Float, shape.AsSpan(1));
        add(graph);
        graph.Output("y", type);
        var model = graph.Build(opset);
        model.Graph.Output.Single().Type.TensorType.Shape = null;   // of any rank
        using var session = new InferenceSession(model.ToByteArray());
        using var input = OrtValue.CreateTensorValueFromMemory(values, shape);
        using var run = new RunOptions();
        using var results = session.Run(run, ["x"], [input], ["y"]);
        return results[0].GetTensorDataAsSpan<T>().ToArray();
    }
}
