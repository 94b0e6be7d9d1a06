using Airbench.Onnx;
using CsCheck;

namespace Airbench.Tests;

/// <summary>Models with views inside against the evaluator's own test-time augmentation with the model that they were made of.</summary>
public sealed class VotingModelTests : IDisposable
{
    private const double Allowed = 1e-4;
    private const int Classes = 4;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, int, InputFormat> Recipes => new(
        from name in Recipe.All.Keys
        from opset in (int[])[13, 17, 22]
        select (name, opset, (InputFormat)((opset + name.Length) % 3)));

    /// <summary>Thresholds from "none in doubt" to "all": a batch of the second pass may be empty, one image, or everything.</summary>
    [Theory]
    [MemberData(nameof(Recipes))]
    public void Every_recipes_network_votes_inside_as_the_evaluator_does_outside(string name, int opset, InputFormat format)
    {
        var fp32 = Build(Recipe.All[name], 17 + (opset % 3), new InputOptions(format, AnySize: opset == 22), opset);   // 19, 19, 18 pixels
        var source = NetworkInput.Of(fp32);
        using var plain = Open(fp32);
        using var all = Open(Voting.Apply(fp32, source, Tta.MirrorTranslate));
        foreach (var count in (int[])[1, 5, 12])
        {
            var images = RandomNetwork.Images(count, source.Size, seed: 3 + count);
            Near(Vote(plain, images, count, Tta.MirrorTranslate, 0).Voted, Run(all, images, count));
        }

        var pool = RandomNetwork.Images(12, source.Size, seed: 8);
        var confidence = Run(plain, pool, 12).Chunk(Classes).Select(row => Softmax.Confidence(row)).Order().ToArray();
        foreach (var inDoubt in (int[])[0, 1, 5, 12])
        {
            var threshold = inDoubt == 0 ? 0 : inDoubt == 12 ? 1.01 : (confidence[inDoubt - 1] + confidence[inDoubt]) / 2;
            using var adaptive = Open(Voting.Apply(fp32, source, Tta.Adaptive, threshold));
            var expected = Vote(plain, pool, 12, Tta.Adaptive, threshold);
            Assert.Equal(inDoubt, expected.AllViews);
            Near(expected.Voted, Run(adaptive, pool, 12));
            for (var image = 0; image < 12; image++)   // one at a time: the second pass has one image or none
            {
                var alone = pool.AsSpan(image * 3 * source.Size * source.Size, 3 * source.Size * source.Size).ToArray();
                Near(expected.Voted.AsSpan(image * Classes, Classes).ToArray(), Run(adaptive, alone, 1));
            }
        }
    }

    /// <summary>In few bits, a batch of another size may round another way; nearly all answers are the same.</summary>
    [Theory]
    [InlineData("airbench94", 17, false)]
    [InlineData("airbench96", 13, true)]
    [InlineData("airbench95", 22, false)]
    [InlineData("speedrun2025", 17, true)]
    public void Half_precision_and_int8_vote_inside_too_with_none_some_or_all_in_doubt(string name, int opset, bool isHalf)
    {
        var fp32 = Build(Recipe.All[name], 16, InputOptions.Default, opset);
        var layers = new QuantizableLayers(fp32);
        var source = NetworkInput.Of(fp32);
        var images = RandomNetwork.Images(12, 16, seed: 8);
        var model = isHalf ? HalfPrecision.Apply(fp32) : Int8.Apply(
            fp32, layers.Names.ToHashSet(), layers.ObservedValues().ToDictionary(value => value, _ => new ValueRange(-4, 6)));
        using var plain = Open(model);
        var confidence = Run(plain, images, 12).Chunk(Classes).Select(row => Softmax.Confidence(row)).Order().ToArray();
        foreach (var threshold in (double[])[0, (confidence[4] + confidence[5]) / 2, 1.01])
        {
            using var adaptive = Open(Voting.Apply(model, source, Tta.Adaptive, threshold));
            Close(Vote(plain, images, 12, Tta.Adaptive, threshold).Voted, Run(adaptive, images, 12));
        }
        using var all = Open(Voting.Apply(model, source, Tta.MirrorTranslate));
        Close(Vote(plain, images, 12, Tta.MirrorTranslate, 0).Voted, Run(all, images, 12));

        static void Close(float[] expected, float[] found)
        {
            var spread = expected.Max() - expected.Min();
            Assert.True(spread > 0.1f);   // or the ranges left nothing to compare
            Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, 0.02 * spread));
        }
    }

    private OnnxGraph Build(Recipe recipe, int size, InputOptions input, int opset)
    {
        int[] narrow = recipe.Architecture == Architecture.Resnet18 ? [4, 5, 6, 7] : [4, 6, 5];
        var network = (recipe with { Widths = narrow }).Network(size, Classes, [0.49, 0.48, 0.45], [0.25, 0.24, 0.26]) with { BatchNormEpsilon = 1e-3, LogitScale = 1 };
        var weights = RandomNetwork.WriteWeights(_folder.Path, network, RandomNetwork.Weights(network, seed: 11));
        using var classifier = Open(new OnnxGraph(NetworkExporter.Build(RandomNetwork.Manifest(network), weights, opset)));
        var largest = Run(classifier, RandomNetwork.Images(12, size, seed: 8), 12).Max(Math.Abs);
        network = network with { LogitScale = 3 / largest };   // confidences that differ, none next to 1
        return new OnnxGraph(NetworkExporter.Build(RandomNetwork.Manifest(network), weights, opset, input));
    }

    private OnnxClassifier Open(OnnxGraph model)
    {
        var file = _folder.File($"{Guid.NewGuid():N}.onnx");
        NetworkExporter.Save(model.Model, file);
        return OnnxClassifier.Open(file);
    }

    private static float[] Run(OnnxClassifier classifier, byte[] images, int count)
    {
        var logits = new float[count * Classes];
        classifier.Run(images, count, logits);
        return logits;
    }

    private static (int AllViews, float[] Voted) Vote(OnnxClassifier classifier, byte[] images, int count, Tta tta, double threshold)
    {
        var (plain, voted) = (new float[count * Classes], new float[count * Classes]);
        return (new TtaClassifier(classifier, tta, count, threshold).Run(images, count, plain, voted), voted);
    }

    private static void Near(float[] expected, float[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, Allowed));
    }
}
