using Airbench.Onnx;
using Airbench.Onnx.Proto;
using CsCheck;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using static Airbench.Onnx.Proto.TensorProto.Types;
using Attribute = Airbench.Onnx.Attribute;

namespace Airbench.Tests;

/// <summary>
/// Every operator that we write, alone in a model of our writer, in ONNX Runtime against a float64 evaluation of its definition in the ONNX
/// standard: that we mean the same by its attributes as the runtime does.
/// </summary>
public sealed class OperatorTests
{
    private const int Cases = 30;

    /// <summary>A random tensor [n, c, h, w].</summary>
    private sealed record Image(int N, int C, int H, int W, float[] Values)
    {
        public double this[int n, int c, int y, int x] =>
            y >= 0 && y < H && x >= 0 && x < W ? Values[(((((n * C) + c) * H) + y) * W) + x] : 0;
    }

    private static readonly Gen<Image> Images = Gen.Select(Gen.Int[1, 3], Gen.Int[1, 4], Gen.Int[4, 9], Gen.Int[4, 9], Gen.Int[0, 9999])
        .Select((n, c, h, w, seed) => new Image(n, c, h, w, Random(n * c * h * w, seed)));

    [Theory]
    [InlineData("Relu")]
    [InlineData("Sigmoid")]
    [InlineData("Erf")]
    public void Functions_of_one_value(string op) => Images.ForEachCase(
        x => Near([.. x.Values.Select(v => op switch { "Relu" => Math.Max(v, 0), "Sigmoid" => 1 / (1 + Math.Exp(-v)), _ => Erf(v) })], Run(op, x)),
        Cases);

    [Theory]
    [InlineData("Add")]
    [InlineData("Sub")]
    [InlineData("Mul")]
    [InlineData("Div")]
    public void Arithmetic_with_a_constant_of_each_channel(string op) => Images.ForEachCase(
        x =>
        {
            float[] constant = [.. Random(x.C, seed: 3).Select(v => v + (v < 0 ? -0.5f : 0.5f))];   // Div stays away from 0
            var found = Run(op, x, constants: [("b", constant, [x.C, 1, 1])]);
            Near([.. x.Values.Index().Select(v => Apply(op, v.Item, constant[v.Index / (x.H * x.W) % x.C]))], found);
        },
        Cases);

    [Fact]
    public void Cast_takes_every_byte_to_its_number()
    {
        var graph = new GraphBuilder("test");
        graph.Node("Cast", "y", [graph.Input("x", DataType.Uint8, 256)], [Attribute.Int("to", (long)DataType.Float)]);
        graph.Output("y", DataType.Float, 256);
        byte[] bytes = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
        using var input = OrtValue.CreateTensorValueFromMemory(bytes, [1, 256]);
        Assert.Equal(bytes.Select(b => (float)b), Run(graph, input));
    }

    [Fact]
    public void Conv_with_padding_strides_and_bias() => Gen.Select(Images, Gen.Int[1, 3], Gen.Int[1, 3], Gen.Int[0, 2], Gen.Int[1, 2]).ForEachCase(
        (x, filters, kernel, pad, stride) =>
        {
            var (weight, bias) = (Random(filters * x.C * kernel * kernel, 1), Random(filters, 2));
            var (height, width) = ((x.H + (2 * pad) - kernel) / stride + 1, (x.W + (2 * pad) - kernel) / stride + 1);
            var expected =
                from n in Enumerable.Range(0, x.N)
                from f in Enumerable.Range(0, filters)
                from y in Enumerable.Range(0, height)
                from column in Enumerable.Range(0, width)
                select bias[f] + (
                    from c in Enumerable.Range(0, x.C)
                    from i in Enumerable.Range(0, kernel)
                    from j in Enumerable.Range(0, kernel)
                    select weight[(((((f * x.C) + c) * kernel) + i) * kernel) + j] * x[n, c, (y * stride) + i - pad, (column * stride) + j - pad]).Sum();
            Near([.. expected], Run(
                "Conv", x, [filters, height, width],
                [Attribute.Ints("kernel_shape", kernel, kernel), Attribute.Ints("pads", pad, pad, pad, pad), Attribute.Ints("strides", stride, stride)],
                [("w", weight, [filters, x.C, kernel, kernel]), ("b", bias, [filters])]));
        },
        Cases);

    [Fact]
    public void MaxPool_without_overlap_drops_what_does_not_fill_a_window() => Gen.Select(Images, Gen.Int[2, 4]).ForEachCase(
        (x, size) =>
        {
            var (height, width) = (x.H / size, x.W / size);
            var expected =
                from n in Enumerable.Range(0, x.N)
                from c in Enumerable.Range(0, x.C)
                from y in Enumerable.Range(0, height)
                from column in Enumerable.Range(0, width)
                select Enumerable.Range(0, size * size).Max(i => x[n, c, (y * size) + (i / size), (column * size) + (i % size)]);
            Near([.. expected], Run(
                "MaxPool", x, [x.C, height, width], [Attribute.Ints("kernel_shape", size, size), Attribute.Ints("strides", size, size)]));
        },
        Cases);

    [Theory]
    [InlineData("GlobalMaxPool")]
    [InlineData("GlobalAveragePool")]
    public void Global_pools(string op) => Images.ForEachCase(
        x => Near(
            [.. x.Values.Chunk(x.H * x.W).Select(plane => op == "GlobalMaxPool" ? plane.Max() : plane.Average(v => (double)v))],
            Run(op, x, [x.C, 1, 1])),
        Cases);

    [Fact]
    public void Flatten_keeps_the_order() => Images.ForEachCase(
        x => Assert.Equal(x.Values, Run("Flatten", x, [x.C * x.H * x.W], [Attribute.Int("axis", 1)])), Cases);

    [Fact]
    public void Gemm_with_a_transposed_weight_and_a_bias() => Gen.Select(Gen.Int[1, 4], Gen.Int[1, 9], Gen.Int[1, 6], Gen.Int[0, 999]).ForEachCase(
        (n, inputs, outputs, seed) =>
        {
            var (x, weight, bias) = (Random(n * inputs, seed), Random(outputs * inputs, seed + 1), Random(outputs, seed + 2));
            var expected =
                from row in Enumerable.Range(0, n)
                from k in Enumerable.Range(0, outputs)
                select bias[k] + Enumerable.Range(0, inputs).Sum(i => (double)x[(row * inputs) + i] * weight[(k * inputs) + i]);
            Near([.. expected], Run(
                "Gemm", x, [n, inputs], [outputs], [Attribute.Int("transB", 1)], [("w", weight, [outputs, inputs]), ("b", bias, [outputs])]));
        },
        Cases);

    [Fact]
    public void Softmax_over_the_classes() => Gen.Select(Gen.Int[1, 4], Gen.Int[1, 9], Gen.Int[0, 999]).ForEachCase(
        (n, classes, seed) =>
        {
            float[] x = [.. Random(n * classes, seed).Select(v => 30 * v)];
            var expected = x.Chunk(classes).SelectMany(row => row.Select(v => Math.Exp(v - row.Max()) / row.Sum(u => Math.Exp(u - row.Max()))));
            Near([.. expected], Run("Softmax", x, [n, classes], [classes], [Attribute.Int("axis", 1)]));
        },
        Cases);

    private static float[] Run(
        string op, Image x, long[]? outputRow = null, AttributeProto[]? attributes = null, params (string, float[], long[])[] constants) =>
        Run(op, x.Values, [x.N, x.C, x.H, x.W], outputRow ?? [x.C, x.H, x.W], attributes ?? [], constants);

    private static float[] Run(
        string op, float[] x, long[] shape, long[] outputRow, AttributeProto[] attributes,
        params (string Name, float[] Values, long[] Shape)[] constants)
    {
        var graph = new GraphBuilder("test");
        string[] inputs = [graph.Input("x", DataType.Float, shape.AsSpan(1)), .. constants.Select(c => graph.Initializer(c.Name, c.Values, c.Shape))];
        graph.Node(op, "y", inputs, attributes);
        graph.Output("y", DataType.Float, outputRow);
        using var input = OrtValue.CreateTensorValueFromMemory(x, shape);
        return Run(graph, input);
    }

    private static float[] Run(GraphBuilder graph, OrtValue input)
    {
        using var session = new InferenceSession(graph.Build(opset: 17).ToByteArray());
        using var run = new RunOptions();
        using var results = session.Run(run, ["x"], [input], ["y"]);
        return results[0].GetTensorDataAsSpan<float>().ToArray();
    }

    private static void Near(double[] expected, float[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        Assert.All(expected.Zip(found), pair => Assert.InRange(pair.Second, pair.First - Allowed(pair.First), pair.First + Allowed(pair.First)));

        static double Allowed(double value) => 1e-5 * (1 + Math.Abs(value));
    }

    private static double Apply(string op, double a, double b) => op switch { "Add" => a + b, "Sub" => a - b, "Mul" => a * b, _ => a / b };

    /// <summary>2 / sqrt pi times the integral of exp(-t^2) from 0 to x, by Simpson's rule (error under 1e-9 here).</summary>
    private static double Erf(double x)
    {
        const int Steps = 1000;
        var h = x / Steps;
        var sum = 1 + Math.Exp(-x * x);
        for (var i = 1; i < Steps; i++)
        {
            sum += (i % 2 == 0 ? 2 : 4) * Math.Exp(-(i * h) * (i * h));
        }
        return 2 / Math.Sqrt(Math.PI) * sum * h / 3;
    }

    private static float[] Random(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() * 6) - 3))];
    }
}
