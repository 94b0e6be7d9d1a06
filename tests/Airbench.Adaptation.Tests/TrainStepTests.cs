using Airbench.Inference.Finetuning;
using Airbench.OnnxModel.Training;
using static TorchSharp.torch;

namespace Airbench.Tests;

/// <summary>One step of <c>train_step.onnx</c> in ONNX Runtime beside TorchSharp's autograd.</summary>
public sealed class TrainStepTests : IDisposable
{
    private const int Batch = 16;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Every recipe's network, narrow, with and without whitening, and every choice of what learns.</summary>
    public static TheoryData<string, TrainedPart, bool> Cases =>
        new(from recipe in Recipe.All.Keys from part in Enum.GetValues<TrainedPart>() from frozen in (bool[])[false, true]
            where !frozen || part == TrainedPart.All
            select (recipe, part, frozen));

    /// <summary>
    /// With momentum and decay 0 the velocity after a step is the gradient. The measure is the norm of the difference over the norm of
    /// the gradient, a number per tensor. ONNX Runtime's CPU kernels are float32 only in part (no double ConvTranspose), so the float64
    /// reference is TorchSharp's: what float32 itself loses there is the yardstick for both.
    /// </summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void Gradients_and_statistics_of_every_recipes_network_are_those_of_autograd(string recipe, TrainedPart part, bool frozen)
    {
        var spec = new TrainingSpec(Narrow(recipe), part) { BatchNormMomentum = 0.3, FrozenStatistics = frozen };
        var weights = Weights(spec.Network);
        var (images, labels) = Data(spec.Network, Batch, 3);
        using var session = Open(spec, weights);
        using var single = new TorchReference(spec, weights, ScalarType.Float32);
        using var exact = new TorchReference(spec, weights, ScalarType.Float64);

        var logits = new float[Batch * spec.Network.ClassCount];
        var loss = session.Step(images, labels, new StepSettings(0.1f, 0, 0), logits);

        Assert.Equal(exact.Step(images, labels, 0.1, 0, 0, out var expectedLogits), loss, 1e-5 * Math.Max(1, loss));
        single.Step(images, labels, 0.1, 0, 0, out _);
        Assert.True(Error(logits, expectedLogits) < 1e-5);
        var state = session.ReadState();
        Assert.Equal(TrainStep.State(spec).Select(t => t.Name).Order(), state.Keys.Order());
        foreach (var (name, values) in state)
        {
            Assert.True(Error(values, single[name]) <= 1e-4, $"{name}: {Error(values, single[name]):g3} from float32, {Error(values, exact[name]):g3} from float64");
            Assert.True(Error(values, exact[name]) <= 1e-4, $"{name}: {Error(values, exact[name]):g3} from float64");
        }
    }

    private static NetworkSpec Narrow(string recipe)
    {
        int[] narrow = Recipe.All[recipe].Architecture == Architecture.Resnet18 ? [4, 5, 6, 7] : [4, 6, 5];
        return (Recipe.All[recipe] with { Widths = narrow }).Network(19, 4, [0.49, 0.48, 0.45], [0.25, 0.24, 0.26]);
    }

    /// <summary>Random weights; those of a normalized network have variances that fit what the layer before gives only by chance, so they vary widely.</summary>
    private static Dictionary<string, float[]> Weights(NetworkSpec network) => RandomNetwork.Weights(network, 11);

    private static (byte[] Images, long[] Labels) Data(NetworkSpec network, int count, int seed)
    {
        var random = new Random(seed);
        return (RandomNetwork.Images(count, network.ImageSize, seed), [.. Enumerable.Range(0, count).Select(_ => (long)random.Next(network.ClassCount))]);
    }

    private TrainStepSession Open(TrainingSpec spec, Dictionary<string, float[]> weights)
    {
        var file = _folder.File($"{Guid.NewGuid():N}.onnx");
        File.WriteAllBytes(file, TrainStep.Write(spec, RandomNetwork.WriteWeights(_folder.Path, spec.Network, weights)));
        var state = TrainStep.State(spec).ToDictionary(
            t => t.Name, t => (t.Shape, weights.GetValueOrDefault(t.Name) ?? new float[t.Shape.Aggregate(1L, (product, extent) => product * extent)]));
        return TrainStepSession.Open(file, state);
    }

    private static double Error(float[] found, double[] expected)
    {
        var (difference, norm) = (0.0, 0.0);
        for (var i = 0; i < expected.Length; i++)
        {
            difference += Math.Pow(found[i] - expected[i], 2);
            norm += expected[i] * expected[i];
        }
        return Math.Sqrt(difference) / Math.Max(Math.Sqrt(norm), 1e-6);
    }
}
