using Airbench.Onnx;
using static TorchSharp.torch;

namespace Airbench.Tests;

/// <summary>
/// The same steps in three runtimes: a TrainingSession of ONNX Runtime 1.19.2 on our artifacts, <c>train_step.onnx</c> in the ONNX Runtime
/// that the product ships, and TorchSharp. The update rule that all three have is SGD without momentum; heavy-ball is that of two.
/// </summary>
public sealed class OnDeviceArtifactsTests : IDisposable
{
    private const int Batch = 16;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>The bound is float32's: the runtimes add in different orders, and the differences grow with the steps.</summary>
    [Theory]
    [InlineData("airbench94", TrainedPart.All, 50, 0.1, 1e-3)]
    [InlineData("airbench96", TrainedPart.LastGroup, 4, 0.5, 1e-4)]
    [InlineData("speedrun2025", TrainedPart.HeadBn, 4, 0.5, 1e-4)]
    [InlineData("resnet18", TrainedPart.All, 4, 0.1, 1e-4)]
    public void Three_runtimes_take_the_same_steps(string recipe, TrainedPart part, int steps, double rate, double tolerance)
    {
        const double decay = 0.01;
        var (spec, weights, batches) = Case(recipe, part, steps);
        var found = Train(spec, weights, new OnDeviceOptions(rate, 0, decay), batches);
        Assert.Equal(OnDeviceArtifacts.RuntimeVersion, found.Version);
        Assert.Equal(steps, found.Losses.Count);

        using var session = Open(spec, weights);
        using var torch = new TorchReference(spec, weights, ScalarType.Float32);
        foreach (var ((images, labels), loss) in batches.Zip(found.Losses))
        {
            Assert.Equal(torch.Step(images, labels, rate, 0, decay, out _), loss, tolerance);
            Assert.Equal(session.Step(images, labels, new StepSettings((float)rate, 0, (float)decay)), loss, tolerance);
        }
        Assert.True(found.Losses[^1] < found.Losses[0] || steps < 50, "learned nothing");

        foreach (var (name, values) in session.ReadState().Where(t => weights.ContainsKey(t.Key)))
        {
            weights[name] = values;
        }
        using var deployed = new TorchReference(spec with { FrozenStatistics = true }, weights, ScalarType.Float32);
        deployed.Step(batches[^1].Images, batches[^1].Labels, 0, 0, 0, out var logits);
        Assert.All(logits.Zip(found.Evaluated["logits"]), pair => Assert.Equal(pair.First, pair.Second, 10 * tolerance));
    }

    [Fact]
    public void Momentum_in_a_training_session_is_that_of_torch_without_nesterov()
    {
        const double rate = 0.02, momentum = 0.85, decay = 0.01;
        var (spec, weights, batches) = Case("airbench94", TrainedPart.All, steps: 12);
        var found = Train(spec, weights, new OnDeviceOptions(rate, momentum, decay), batches);

        using var torch = new TorchReference(spec, weights, ScalarType.Float32);
        foreach (var ((images, labels), loss) in batches.Zip(found.Losses))
        {
            Assert.Equal(torch.Step(images, labels, rate, momentum, decay, out _, nesterov: false), loss, 1e-4);
        }
    }

    private TrainingSessionResult Train(TrainingSpec spec, Dictionary<string, float[]> weights, OnDeviceOptions options, (byte[] Images, long[] Labels)[] batches)
    {
        OnDeviceArtifacts.Write(_folder.Path, spec, options, RandomNetwork.WriteWeights(_folder.Path, spec.Network, weights));
        return TrainingSessions.Run(_folder.Path, batches.Select(batch => new Dictionary<string, BatchTensor>
        {
            ["images"] = BatchTensor.Of(TensorType.U8, batch.Images, Batch, 3, spec.Network.ImageSize, spec.Network.ImageSize),
            ["labels"] = BatchTensor.Of(TensorType.I64, batch.Labels, Batch),
        }), _folder);
    }

    private static (TrainingSpec, Dictionary<string, float[]>, (byte[] Images, long[] Labels)[]) Case(string recipe, TrainedPart part, int steps)
    {
        int[] narrow = Recipe.All[recipe].Architecture == Architecture.Resnet18 ? [4, 5, 6, 7] : [4, 6, 5];
        var network = (Recipe.All[recipe] with { Widths = narrow }).Network(19, 4, [0.49, 0.48, 0.45], [0.25, 0.24, 0.26]);
        var random = new Random(7);
        var batches = Enumerable.Range(0, steps).Select(step => (
            RandomNetwork.Images(Batch, network.ImageSize, 40 + step),
            Enumerable.Range(0, Batch).Select(_ => (long)random.Next(network.ClassCount)).ToArray())).ToArray();
        return (new TrainingSpec(network, part) { BatchNormMomentum = 0.3 }, RandomNetwork.Weights(network, 11), batches);
    }

    private TrainStepSession Open(TrainingSpec spec, Dictionary<string, float[]> weights)
    {
        var file = _folder.File("train_step.onnx");
        File.WriteAllBytes(file, TrainStep.Write(spec, RandomNetwork.WriteWeights(_folder.Path, spec.Network, weights)));
        var state = TrainStep.State(spec).ToDictionary(
            t => t.Name, t => (t.Shape, weights.GetValueOrDefault(t.Name) ?? new float[t.Shape.Aggregate(1L, (product, extent) => product * extent)]));
        return TrainStepSession.Open(file, state);
    }
}
