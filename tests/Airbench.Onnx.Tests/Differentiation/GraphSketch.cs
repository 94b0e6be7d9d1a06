using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using static Airbench.Onnx.Proto.TensorProto.Types;

namespace Airbench.Tests;

/// <summary>
/// A small graph with random values for its inputs and constants, all of which learn: the backward pass is checked in float64 against central differences
/// of the graph, both in the reference interpreter, and in ONNX Runtime against the interpreter.
/// </summary>
/// <remarks>No two values of a tensor are near each other or near a whole number, so that maxima and signs are clear.</remarks>
internal sealed class GraphSketch(Random random, int opset)
{
    private const double Step = 1e-5;

    private readonly Dictionary<string, NdArray> _learned = [];

    public GraphBuilder Graph { get; } = new("sketch");

    public Random Random => random;

    public int Opset => opset;

    public int Images { get; } = random.Next(1, 4);

    public double Low { get; set; } = -2;

    public double High { get; set; } = 2;

    /// <summary>An input [N,...] that gets a gradient too.</summary>
    public string Input(params long[] row) => Learn(Graph.Input(Unused("x"), DataType.Float, row), [Images, .. row.Select(extent => (int)extent)]);

    /// <summary>A constant that learns.</summary>
    public string Constant(params long[] shape)
    {
        var name = Learn(Unused("w"), [.. shape.Select(extent => (int)extent)]);
        return Graph.Initializer(name, [.. _learned[name].Values.Select(v => (float)v)], shape);
    }

    public string Node(string op, ReadOnlySpan<string> inputs, params AttributeProto[] attributes) => Graph.Node(op, Unused(op), inputs, attributes);

    public int Pick(int low, int high) => random.Next(low, high + 1);

    public bool Coin() => random.Next(2) == 0;

    public T OneOf<T>(params T[] choices) => choices[random.Next(choices.Length)];

    private string Unused(string name) => Graph.Unused(name);

    private string Learn(string name, int[] shape)
    {
        var count = NdArray.Size(shape);
        var order = Enumerable.Range(0, count).ToArray();
        random.Shuffle(order);
        // float32 values, so that both ways start from the same numbers; a third of a step beside the grid stays clear of whole numbers
        _learned.Add(name, NdArray.Of(shape, i => (float)(Low + ((High - Low) * (order[i] + 0.37) / count) + (0.2 * (High - Low) / count * (random.NextDouble() - 0.5)))));
        return name;
    }

    /// <summary>Checks the gradients of all inputs and constants of the sum of <paramref name="output"/> with random factors.</summary>
    public void Check(string output)
    {
        Graph.Output(output, DataType.Float);
        var source = new OnnxGraph(Graph.Build(opset));
        source.Model.Graph.Output[0].Type.TensorType.Shape = null;
        source.RemoveUnused();   // a case may take a constant only
        var shapes = ValueShapes.Measure(source, "sketch.onnx");
        foreach (var name in _learned.Keys.Where(name => source.Readers(name).Count == 0).ToArray())
        {
            _learned.Remove(name);
        }
        var paths = new GradientPaths(source, shapes, output);
        Assert.All(_learned.Keys, name => Assert.True(paths.Reaches(name), $"{name}: {paths.Missing(name)}"));
        var (model, gradients) = Differentiate(source, shapes, output);

        var forward = new Interpreter(source.Model);
        var y = forward.Run(_learned)[output];
        var dy = y.Map(_ => random.NextDouble() + 0.5);
        var backward = new Interpreter(model).Run(new Dictionary<string, NdArray>(_learned) { ["dy"] = dy });
        var runtime = RunRuntime(model, dy);
        foreach (var (name, gradient) in gradients)
        {
            var expected = Differences(forward, output, name, dy);
            Assert.Equal(expected.Shape, backward[gradient].Shape);
            Near(expected.Values, backward[gradient].Values, 1e-6, $"{name}, interpreter against differences");
            Near(backward[gradient].Values, runtime[gradient].Values, 2e-5, $"{name}, ONNX Runtime against interpreter");
            Assert.Equal(expected.Shape, runtime[gradient].Shape);
        }
        Near(y.Values, runtime[model.Graph.Output[0].Name].Values, 2e-5, "output, ONNX Runtime against interpreter");
    }

    private (ModelProto Model, IReadOnlyDictionary<string, string> Gradients) Differentiate(OnnxGraph source, ValueShapes shapes, string output)
    {
        var graph = new GraphBuilder("backward");
        var least = Math.Max(opset, 16);
        foreach (var (name, value) in _learned)
        {
            graph.FixedInput(name, DataType.Float, Extents(shapes[name]!));
        }
        var dy = graph.FixedInput("dy", DataType.Float, Extents(shapes[output]!));
        var pass = new BackwardPass(source, shapes, graph, least, _learned.Keys.ToHashSet());
        foreach (var name in _learned.Keys)
        {
            pass.Bind(name, name);
        }
        var written = pass.Forward(output);
        var gradients = pass.Backward(output, dy);
        Assert.Equal(_learned.Keys.Order(), gradients.Keys.Order());
        graph.FixedOutput(written, DataType.Float, Extents(shapes[output]!));
        foreach (var (name, gradient) in gradients)
        {
            if (gradient != dy && gradient != written)
            {
                graph.FixedOutput(gradient, DataType.Float, Extents(shapes[name]!));
            }
        }
        var model = graph.Build(least);
        return (model, gradients.Where(g => model.Graph.Output.Any(o => o.Name == g.Value)).ToDictionary());

        static Extent[] Extents(ValueShape shape) => [.. shape.Extents.Select(extent =>
            extent.IsBatch ? (Extent)GraphBuilder.Batch : extent.IsPerImage ? (Extent)$"{extent.Count}N" : (Extent)extent.Count)];
    }

    private NdArray Differences(Interpreter forward, string output, string name, NdArray dy)
    {
        var at = _learned[name];
        return NdArray.Of(at.Shape, i => (Sum(i, Step) - Sum(i, -Step)) / (2 * Step));

        double Sum(int i, double step)
        {
            double[] values = [.. at.Values];
            values[i] += step;
            var moved = new Dictionary<string, NdArray>(_learned) { [name] = at with { Values = values } };
            return forward.Run(moved)[output].Values.Zip(dy.Values, (a, b) => a * b).Sum();
        }
    }

    private Dictionary<string, NdArray> RunRuntime(ModelProto model, NdArray dy)
    {
        using var session = new InferenceSession(model.ToByteArray());
        using var run = new RunOptions();
        var inputs = _learned.Append(new KeyValuePair<string, NdArray>("dy", dy)).Where(input => session.InputNames.Contains(input.Key)).ToDictionary(
            input => input.Key,
            input => OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(input.Value.Values, v => (float)v), [.. input.Value.Shape.Select(extent => (long)extent)]));
        try
        {
            using var outputs = session.Run(run, inputs, session.OutputNames);
            return session.OutputNames.Zip(outputs).ToDictionary(pair => pair.First, pair => new NdArray(
                [.. pair.Second.GetTensorTypeAndShape().Shape.Select(extent => (int)extent)], Array.ConvertAll(pair.Second.GetTensorDataAsSpan<float>().ToArray(), v => (double)v)));
        }
        finally
        {
            foreach (var value in inputs.Values)
            {
                value.Dispose();
            }
        }
    }

    private static void Near(double[] expected, double[] found, double share, string what)
    {
        var scale = Math.Max(expected.Select(Math.Abs).DefaultIfEmpty().Max(), 0.1);
        Assert.Equal(expected.Length, found.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(Math.Abs(expected[i] - found[i]) <= share * scale, FormattableString.Invariant($"{what}: [{i}] is {found[i]}, expected {expected[i]}"));
        }
    }
}
