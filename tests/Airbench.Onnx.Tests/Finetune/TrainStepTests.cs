using Airbench.Onnx;
using Airbench.Training;
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
        new(from recipe in Recipe.All.Keys
            from part in Enum.GetValues<TrainedPart>()
            from frozen in (bool[])[false, true]
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

    /// <summary>
    /// Wide enough for Winograd's way. Among so many values rounding now and then decides a maximum or a sign, there the gradient jumps (in
    /// float32 TorchSharp's as well), so of each gradient the median over the batches counts.
    /// </summary>
    [Theory]
    [InlineData("airbench94", 32, 3)]
    [InlineData("airbench96", 19, 8)]
    [InlineData("resnet18", 24, 6)]
    public void Wide_convolutions_in_a_network_lose_no_digits(string recipe, int imageSize, int count)
    {
        const int batch = 8;
        int[] widths = Recipe.All[recipe].Architecture == Architecture.Resnet18 ? [64, 96, 96, 64] : [64, 128, 96];
        var network = (Recipe.All[recipe] with { Widths = widths }).Network(imageSize, 4, [0.49, 0.48, 0.45], [0.25, 0.24, 0.26]);
        var (spec, weights) = (new TrainingSpec(network, TrainedPart.All), Weights(network));
        Assert.Equal(count, TrainStep.Build(spec, name => weights[name]).Graph.Node.Count(node => node.Name.EndsWith("/tiles/product0", StringComparison.Ordinal)));

        var errors = TrainStep.State(spec).ToDictionary(t => t.Name, _ => new List<double>());
        for (var seed = 3; seed < 8; seed++)
        {
            var (images, labels) = Data(network, batch, seed);
            using var session = Open(spec, weights);
            using var exact = new TorchReference(spec, weights, ScalarType.Float64);
            var logits = new float[batch * network.ClassCount];
            var loss = session.Step(images, labels, new StepSettings(0.1f, 0, 0), logits);
            Assert.Equal(exact.Step(images, labels, 0.1, 0, 0, out var expected), loss, 1e-5 * Math.Max(1, loss));
            Assert.True(Error(logits, expected) < 1e-5, $"{Error(logits, expected):g3}");
            foreach (var (name, values) in session.ReadState())
            {
                errors[name].Add(Error(values, exact[name]));
            }
        }
        Assert.All(errors, error => Assert.True(error.Value.Order().ElementAt(2) < 2e-5, $"{error.Key}: {string.Join(", ", error.Value.Select(e => $"{e:g3}"))}"));
    }

    /// <summary>
    /// Fifty steps of everything with momentum and decay, beside fp64: of two trainings in fp32 either may be the one that is off. Rounding stays at 1e-6
    /// of the loss, but a Relu near zero passes in one and not in the other (3.5e-4 seen).
    /// </summary>
    [Theory]
    [InlineData("airbench94", 1e-5)]
    [InlineData("airbench96", 1e-5)]
    [InlineData("resnet18", 1e-3)]
    public void Fifty_steps_give_the_losses_of_torch(string recipe, double tolerance)
    {
        var spec = new TrainingSpec(Narrow(recipe) with { BatchNormEpsilon = 1e-5 }, TrainedPart.All) { LabelSmoothing = 0.1 };
        var weights = Weights(spec.Network);
        using var session = Open(spec, weights);
        using var torch = new TorchReference(spec, weights, ScalarType.Float64);
        var (first, last) = (0.0, 0.0);
        for (var step = 0; step < 50; step++)
        {
            var (images, labels) = Data(spec.Network, Batch, step % 5);
            var lr = 0.02f * (1 - (step / 50f));
            last = torch.Step(images, labels, lr, 0.9, 5e-4, out _);
            first = step == 4 ? last : first;   // the batch that comes last, too
            Assert.Equal(last, session.Step(images, labels, new StepSettings(lr, 0.9f, 5e-4f)), tolerance);
        }
        Assert.True(last < first - 0.01, $"loss {first} -> {last}: nothing was learned");
    }

    /// <summary>The reference above is the product's own network, not only another opinion.</summary>
    [Fact]
    public void The_reference_computes_what_the_training_network_computes()
    {
        var spec = new TrainingSpec(Narrow("airbench96"), TrainedPart.All);
        var weights = Weights(spec.Network);
        using var reference = new TorchReference(spec, weights, ScalarType.Float32);
        using var scope = NewDisposeScope();
        using var network = Network.Create(spec.Network, Recipe.All["airbench96"], ComputeDevice.Resolve("cpu", Precision.Fp32), new Generator(1, CPU));
        foreach (var (name, shape) in spec.Network.Parameters())
        {
            network.Tensors[name].copy_(tensor(weights[name], shape));
        }
        var (images, _) = Data(spec.Network, Batch, 3);
        var size = spec.Network.ImageSize;
        var normalized = (tensor(images, [Batch, 3, size, size]).to(ScalarType.Float32).Over(255) - tensor(spec.Network.Mean.ToArray(), [1, 3, 1, 1]))
            .div(tensor(spec.Network.Std.ToArray(), [1, 3, 1, 1])).to(ScalarType.Float32);

        var (found, expected) = (reference.Forward(images, Batch), network.Forward(normalized, training: true));

        Assert.True(Error(found.detach().data<float>().ToArray(), expected.detach().to(ScalarType.Float64).reshape(-1).data<double>().ToArray()) < 1e-5);
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
        return TrainStepSession.Open(file, State(spec, weights), threads: 1);
    }

    /// <summary>The initial state: velocities start at zero.</summary>
    internal static Dictionary<string, (long[] Shape, float[] Values)> State(TrainingSpec spec, Dictionary<string, float[]> weights) => TrainStep.State(spec).ToDictionary(
        t => t.Name, t => (t.Shape, weights.GetValueOrDefault(t.Name) ?? new float[t.Shape.Aggregate(1L, (product, extent) => product * extent)]));

    internal static double Error(float[] found, double[] expected)
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
