using Airbench.Onnx;
using Airbench.Onnx.Proto;
using CsCheck;
using Microsoft.ML.OnnxRuntime;

namespace Airbench.Tests;

public sealed class ExportedNetworkTests : IDisposable
{
    private static readonly Gen<(NetworkSpec Network, int Seed)> Networks = Gen.Select(
        Gen.Int[1, 9].Array[3], Gen.Int[2, 3], Gen.Int[16, 40], Gen.Int[2, 11], Gen.Double[0.2, 0.7].Array[3],
            Gen.Double[0.05, 0.4].Array[3], Gen.Int,
        (widths, depth, size, classes, mean, std, seed) =>
            (RandomNetwork.Small(size, classes, depth, widths) with { Mean = mean, Std = std }, seed));

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_error_function_of_the_reference_is_right()
    {
        Assert.Equal(0.8427007929497149, ReferenceNetwork.Erf(1), 1e-15);
        Assert.Equal(-0.9999779095030014, ReferenceNetwork.Erf(-3), 1e-15);
        Assert.Equal(0, ReferenceNetwork.Erf(0));
    }

    /// <summary>
    /// Rounding to float32 gives about 1e-6 of the largest logit; tiny variances amplify it where a channel's values cancel.
    /// Generators are seeded by a counter, so every run sees the same 25 networks.
    /// </summary>
    [Fact]
    public void Any_network_computes_in_onnx_runtime_what_its_layers_say()
    {
        for (var i = 0u; i < 25; i++)
        {
            var (network, seed) = Networks.Generate(new PCG(1, i), null, out _);
            AssertComputes(network, seed);
        }
    }

    /// <summary>Names of all recipes, with and without whitening, in the oldest and newest opset of common servers.</summary>
    public static TheoryData<string, bool, int> Recipes =>
        new(from name in Recipe.All.Keys from whiten in (bool[])[true, false] from opset in (int[])[17, 22] select (name, whiten, opset));

    [Theory]
    [MemberData(nameof(Recipes))]
    public void Every_recipes_network_computes_in_onnx_runtime_what_its_layers_say(string name, bool whiten, int opset)
    {
        var recipe = Recipe.All[name];
        int[] narrow = recipe.Architecture == Architecture.Resnet18 ? [4, 5, 6, 7] : [4, 6, 5];
        var network = (recipe with { Widths = narrow, Whiten = whiten }).Network(19, 4, [0.49, 0.48, 0.45], [0.25, 0.24, 0.26]);

        AssertComputes(network, seed: 11, opset);
    }

    /// <summary>The shapes, activations and folds of both architectures: odd and even sizes, learned scales of either sign.</summary>
    [Fact]
    public void Any_resnet_and_any_activation_computes_in_onnx_runtime_what_its_layers_say() =>
        Gen.Select(Gen.OneOf(Gen.Const(Architecture.Airbench), Gen.Const(Architecture.Resnet18)), Gen.Enum<Activation>(), Gen.Int[16, 27], Gen.Int[1, 6].Array[4], Gen.Int)
            .ForEachCase((architecture, activation, size, widths, seed) =>
            {
                var network = RandomNetwork.Small(size, depth: 2 + (size % 2)) with
                {
                    Architecture = architecture,
                    Activation = activation,
                    Widths = architecture == Architecture.Resnet18 ? widths : widths[1..],
                    BatchNormEpsilon = 1e-5,
                };
                AssertComputes(network, seed);
            }, cases: 20);

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    public void Any_number_of_images_goes_through_one_session_and_each_gets_its_own_answer(int count)
    {
        var network = RandomNetwork.Small();
        using var classifier = OnnxClassifier.Open(Build(network, RandomNetwork.Weights(network, 1)));
        var images = RandomNetwork.Images(count, network.ImageSize, 5);
        var together = new float[count * 3];
        classifier.Run(images, count, together);

        var pixels = images.Length / count;
        for (var i = 0; i < count; i++)
        {
            var alone = new float[3];
            classifier.Run(images.AsSpan(i * pixels, pixels), 1, alone);
            for (var k = 0; k < 3; k++)
            {
                Assert.Equal(alone[k], together[(i * 3) + k], 1e-5f);
            }
        }
    }

    [Fact]
    public void Probabilities_are_the_softmax_of_the_logits()
    {
        var network = RandomNetwork.Small();
        using var session = new InferenceSession(Build(network, RandomNetwork.Weights(network, 1)));
        using var input = OrtValue.CreateTensorValueFromMemory(RandomNetwork.Images(4, 16, 3), [4, 3, 16, 16]);
        using var run = new RunOptions();
        using var outputs = session.Run(run, ["images"], [input], ["logits", "probabilities"]);

        var logits = outputs[0].GetTensorDataAsSpan<float>();
        var probabilities = outputs[1].GetTensorDataAsSpan<float>();
        for (var i = 0; i < probabilities.Length; i++)
        {
            Assert.Equal(Math.Exp(Softmax.LogProbability(logits.Slice(i / 3 * 3, 3), i % 3)), probabilities[i], 1e-6);
        }
    }

    [Fact]
    public void Onnx_runtime_fuses_every_gelu_into_one_node()
    {
        var network = RandomNetwork.Small(depth: 3);
        var optimized = _folder.File("optimized.onnx");
        using (var options = new SessionOptions
        {
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_EXTENDED,   // the level above depends on the processor
            OptimizedModelFilePath = optimized,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        })
        using (new InferenceSession(Build(network, RandomNetwork.Weights(network, 1)), options))
        {
        }

        var operators = ModelProto.Parser.ParseFrom(File.ReadAllBytes(optimized)).Graph.Node.CountBy(n => n.OpType).ToDictionary();
        Assert.Equal(network.Layers().OfType<ActivationLayer>().Count(), operators["Gelu"]);
        Assert.Equal(["Add", "Cast", "Conv", "Flatten", "Gelu", "Gemm", "GlobalMaxPool", "MaxPool", "Softmax"], operators.Keys.Order());
    }

    [Theory]
    [InlineData(13)]
    [InlineData(17)]
    [InlineData(22)]
    public void Every_opset_on_offer_computes_the_same(int opset)
    {
        var network = RandomNetwork.Small(depth: 3);
        var weights = RandomNetwork.Weights(network, 1);
        var images = RandomNetwork.Images(2, 16, 1);
        var (expected, found) = (new float[6], new float[6]);
        using (var classifier = OnnxClassifier.Open(Build(network, weights)))
        {
            classifier.Run(images, 2, expected);
        }
        using (var classifier = OnnxClassifier.Open(Build(network, weights, opset)))
        {
            classifier.Run(images, 2, found);
        }

        Assert.Equal(expected, found);
    }

    private void AssertComputes(NetworkSpec network, int seed, int opset = 17)
    {
        var weights = RandomNetwork.Weights(network, seed);
        var images = RandomNetwork.Images(2, network.ImageSize, seed);
        using var classifier = OnnxClassifier.Open(Build(network, weights, opset));

        var expected = ReferenceNetwork.Logits(network, weights, images, 2);
        var found = new float[expected.Length];
        classifier.Run(images, 2, found);

        var largest = expected.Max(Math.Abs);
        for (var k = 0; k < found.Length; k++)
        {
            Assert.True(Math.Abs(found[k] - expected[k]) <= 1e-4 * largest, $"{network}: logit {k} is {found[k]}, expected {expected[k]}");
        }
    }

    private string Build(NetworkSpec network, Dictionary<string, float[]> weights, int opset = 17)
    {
        var path = _folder.File($"{Guid.NewGuid():N}.onnx");
        NetworkExporter.Save(NetworkExporter.Build(
            RandomNetwork.Manifest(network), RandomNetwork.WriteWeights(_folder.Path, network, weights), opset), path);
        return path;
    }
}
