using Airbench.Onnx;
using Airbench.Onnx.Proto;
using Google.Protobuf;
using static Airbench.Onnx.Proto.TensorProto.Types;
using Attribute = Airbench.Onnx.Attribute;

namespace Airbench.Tests;

/// <summary>On-device-training artifacts in the runtime that they are for: onnxruntime-web 1.19.2, the same C++ as the NuGet package's.</summary>
public sealed class OnDeviceOptimizerTests : IDisposable
{
    private const int Features = 3;
    private const int Classes = 2;
    private const int Rows = 5;
    private const int Steps = 12;
    private static readonly float[] Shift = [0.5f, 0];
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.85)]
    public void A_linear_classifier_learns_in_a_training_session_as_by_hand(double momentum)
    {
        const double rate = 0.25;
        var random = new Random(1);
        var batches = Enumerable.Range(0, Steps).Select(_ =>
        {
            float[] x = [.. Enumerable.Range(0, Rows * Features).Select(_ => (float)((2 * random.NextDouble()) - 1))];
            return (X: x, Labels: Enumerable.Range(0, Rows).Select(i => x[i * Features] > 0.1 ? 1L : 0).ToArray());
        }).ToArray();
        float[] weight = [.. Enumerable.Range(0, Classes * Features).Select(_ => (float)(random.NextDouble() - 0.5))];

        Save("training_model.onnx", Training());
        Save("eval_model.onnx", Evaluation());
        Save("optimizer_model.onnx", OptimizerModel.Build(rate, momentum));
        File.WriteAllBytes(_folder.File("checkpoint"), Checkpoint.Write(
            [new NamedTensor("weight", [Classes, Features], weight)], [new NamedTensor("shift", [Classes], Shift)]));
        var result = TrainingSessions.Run(_folder.Path, batches.Select(batch => new Dictionary<string, BatchTensor>
        {
            ["x"] = BatchTensor.Of(TensorType.F32, batch.X, Rows, Features),
            ["labels"] = BatchTensor.Of(TensorType.I64, batch.Labels, Rows),
        }), _folder);

        var w = Array.ConvertAll(weight, v => (double)v);
        var velocity = new double[w.Length];
        var losses = batches.Select(batch => Step(w, velocity, batch.X, batch.Labels, rate, momentum)).ToArray();
        Assert.Equal("1.19.2", result.Version);
        Near(losses, result.Losses, 1e-6);
        Near(Enumerable.Range(0, Rows).SelectMany(row => Logits(w, batches[^1].X, row)).ToArray(), result.Evaluated.Single().Value, 1e-6);
        Assert.True(losses[^1] < losses[0] / 1.2);
    }

    /// <summary>One step in float64; returns the loss before it.</summary>
    private static double Step(double[] weight, double[] velocity, float[] x, long[] labels, double rate, double momentum)
    {
        var (loss, gradient) = (0.0, new double[weight.Length]);
        for (var row = 0; row < Rows; row++)
        {
            var exp = Logits(weight, x, row).Select(Math.Exp).ToArray();
            loss -= Math.Log(exp[labels[row]] / exp.Sum()) / Rows;
            for (var k = 0; k < weight.Length; k++)
            {
                var (label, feature) = (k / Features, k % Features);
                gradient[k] += ((exp[label] / exp.Sum()) - (labels[row] == label ? 1 : 0)) * x[(row * Features) + feature] / Rows;
            }
        }
        for (var k = 0; k < weight.Length; k++)
        {
            velocity[k] = (momentum * velocity[k]) + gradient[k];
            weight[k] -= rate * velocity[k];
        }
        return loss;
    }

    private static double[] Logits(double[] weight, float[] x, int row) => [.. Enumerable.Range(0, Classes).Select(label =>
        Shift[label] + Enumerable.Range(0, Features).Sum(i => weight[(label * Features) + i] * x[(row * Features) + i]))];

    /// <summary>Mean cross-entropy of x W^T + shift, and the gradient of W.</summary>
    private static ModelProto Training()
    {
        var graph = new GraphBuilder("training");
        var x = graph.Input("x", DataType.Float, Features);
        var labels = graph.Input("labels", DataType.Int64);
        var logits = Forward(graph, x);
        graph.Node("SoftmaxCrossEntropyLoss", "loss", [logits, labels]);
        graph.FixedOutput("loss", DataType.Float);
        var targets = graph.Node(
            "OneHot", "targets", [labels, graph.Integers(Classes), graph.Initializer("off_on", [0, 1], 2)], [Attribute.Int("axis", 1)]);
        var error = graph.Node("Sub", "error", [graph.Node("Softmax", "softmax", [logits], [Attribute.Int("axis", 1)]), targets]);
        var gradient = graph.Node("Gemm", "gradient", [error, x], [Attribute.Int("transA", 1), Attribute.Float("alpha", 1f / Rows)]);
        TrainingModel.Accumulate(graph, [("weight", [Classes, Features], gradient)]);
        return Domains.Build(graph);
    }

    private static ModelProto Evaluation()
    {
        var graph = new GraphBuilder("evaluation");
        graph.Output(Forward(graph, graph.Input("x", DataType.Float, Features)), DataType.Float, Classes);
        return Domains.Build(graph);
    }

    private static string Forward(GraphBuilder graph, string x)
    {
        var weight = graph.FixedInput("weight", DataType.Float, Classes, Features);
        var shift = graph.FixedInput("shift", DataType.Float, Classes);
        return graph.Node("Gemm", "logits", [x, weight, shift], [Attribute.Int("transB", 1)]);
    }

    private static void Near(IReadOnlyList<double> expected, IReadOnlyList<double> found, double tolerance)
    {
        Assert.Equal(expected.Count, found.Count);
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, tolerance));
    }

    private void Save(string name, ModelProto model) => File.WriteAllBytes(_folder.File(name), model.ToByteArray());
}
