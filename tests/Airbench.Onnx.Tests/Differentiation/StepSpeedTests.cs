using System.Diagnostics;
using Airbench.Onnx;
using Airbench.Training;
using Google.Protobuf;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Tests;

/// <summary>A step of everything on ResNet-18 at 224 pixels beside TorchSharp's, in turns on two threads; it says the times and judges none.</summary>
public sealed class StepSpeedTests(ITestOutputHelper output)
{
    private const int Batch = 16;
    private const int Size = 224;
    private const int Threads = 2;
    private const int Rounds = 4;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_step_of_all_on_ResNet_18_beside_TorchSharp(bool keepsStatistics)
    {
        Assert.SkipUnless(LongForm.IsAskedFor, "takes a minute and measures: AIRBENCH_LONG=1");
        using var folder = new TemporaryFolder();
        var graph = ResidualGraph.Write(Size, [64, 128, 256, 512]);
        var learned = ResidualGraph.Learned(graph);
        var step = new GraphTrainStep(graph, ValueShapes.Measure(graph, "resnet18.onnx")) { Learned = learned, KeepsStatistics = keepsStatistics };
        var file = folder.File("train_step.onnx");
        File.WriteAllBytes(file, step.Build().ToByteArray());
        var state = step.State(10).ToDictionary(t => t.Name, t => (t.Shape, graph.Constant(t.Name) is { } tensor ? Onnx.Tensors.Floats(tensor) : new float[t.Shape.Aggregate((a, b) => a * b)]));
        using var session = TrainStepSession.Open(file, state, threads: Threads);
        float[] images = Array.ConvertAll(RandomNetwork.Images(Batch, Size, 3), pixel => (float)pixel);
        long[] labels = [.. Enumerable.Range(0, Batch).Select(i => i % 10L)];

        using var torch = new TorchGraph(graph, learned, ScalarType.Float32, !keepsStatistics);
        set_num_threads(Threads);
        var head = zeros(10, 512).requires_grad_();
        var bias = zeros(10).requires_grad_();
        Tensor[] parameters = [.. learned.Select(name => torch.Tensors[name]), head, bias];
        var ratios = new List<double>();
        for (var round = 0; round <= Rounds; round++)   // the first warms up
        {
            var ours = Seconds(() => session.Step(images, labels, new StepSettings(1e-4f, 0.9f, 5e-4f)));
            var theirs = Seconds(() => TorchStep(torch, head, bias, parameters, images, labels));
            output.WriteLine(FormattableString.Invariant($"ONNX Runtime {ours:0.00} s, TorchSharp {theirs:0.00} s, ratio {theirs / ours:0.00}"));
            if (round > 0)
            {
                ratios.Add(theirs / ours);
            }
        }
        output.WriteLine(FormattableString.Invariant($"TorchSharp's seconds over ours, median of {Rounds}: {ratios.Order().ElementAt(Rounds / 2):0.00}"));
    }

    private static void TorchStep(TorchGraph torch, Tensor head, Tensor bias, Tensor[] parameters, float[] images, long[] labels)
    {
        using var scope = NewDisposeScope();
        var loss = F.cross_entropy(F.linear(torch.Forward(tensor(images, [Batch, 3, Size, Size])), head, bias), tensor(labels));
        var gradients = autograd.grad([loss], parameters);
        using var _ = no_grad();
        for (var i = 0; i < parameters.Length; i++)   // velocities are left out: that is in TorchSharp's favour
        {
            parameters[i].add_(gradients[i] + (parameters[i] * 5e-4), -1e-4);
        }
    }

    private static double Seconds(Action action)
    {
        var watch = Stopwatch.StartNew();
        action();
        return watch.Elapsed.TotalSeconds;
    }
}
