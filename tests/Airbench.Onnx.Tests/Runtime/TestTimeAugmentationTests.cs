using Airbench.Onnx;
using CsCheck;

namespace Airbench.Tests;

public sealed class TestTimeAugmentationTests
{
    [Fact]
    public void A_shift_reads_the_reflect_padded_image_from_its_corner()
    {
        byte[] image =
        [
            1, 2, 3,
            4, 5, 6,
            7, 8, 9,
        ];

        Assert.Equal([5, 4, 5, 2, 1, 2, 5, 4, 5], Draw(new View(-1, false, 1), image, 3));
        Assert.Equal([5, 6, 5, 8, 9, 8, 5, 6, 5], Draw(new View(1, false, 1), image, 3));
        Assert.Equal([3, 2, 1, 6, 5, 4, 9, 8, 7], Draw(new View(0, true, 1), image, 3));
    }

    [Theory]
    [InlineData(Tta.None, 1)]
    [InlineData(Tta.Mirror, 2)]
    [InlineData(Tta.MirrorTranslate, 6)]
    [InlineData(Tta.Adaptive, 6)]
    public void The_untouched_image_comes_first_and_the_weights_sum_to_one(Tta tta, int views)
    {
        var all = TestTimeAugmentation.Views(tta);

        Assert.Equal(views, all.Count);
        Assert.Equal((0, false), (all[0].Shift, all[0].Mirror));
        Assert.Equal(1f, all.Sum(v => v.Weight));
        Assert.Equal(all.Count, all.Distinct().Count());
    }

    /// <summary>The definition, step by step: pad, crop, flip.</summary>
    [Fact]
    public void Every_view_of_any_image_is_pad_then_crop_then_flip() =>
        Gen.Select(Gen.Int[2, 20], Gen.Int[1, 6], Gen.Int[-1, 1], Gen.Bool, Gen.Int).ForEachCase((size, planes, shift, mirror, seed) =>
        {
            var pixels = new byte[planes * size * size];
            new Random(seed).NextBytes(pixels);

            var expected = new byte[pixels.Length];
            for (var plane = 0; plane < planes; plane++)
            {
                var padded = Pad(pixels.AsSpan(plane * size * size, size * size), size);
                for (var y = 0; y < size; y++)
                {
                    for (var x = 0; x < size; x++)
                    {
                        var from = mirror ? size - 1 - x : x;
                        expected[(((plane * size) + y) * size) + x] = padded[y + 1 + shift, from + 1 + shift];
                    }
                }
            }
            Assert.Equal(expected, Draw(new View(shift, mirror, 1), pixels, size));
        }, cases: 300);

    [Fact]
    public void The_vote_is_half_the_mirrored_pair_and_half_the_two_shifted_pairs()
    {
        using var folder = new TemporaryFolder();
        var network = RandomNetwork.Small();
        var weights = RandomNetwork.Weights(network, 1);
        using var classifier = Open(folder, network, weights);
        var images = RandomNetwork.Images(3, 16, 9);

        var (all, plain, voted) = Run(classifier, images, 3, Tta.MirrorTranslate, threshold: 0);
        Assert.Equal(3, all);

        var expected = Combine(0.5, Mirrored(0), 0.5, Combine(0.5, Mirrored(-1), 0.5, Mirrored(1)));
        var untouched = Logits(0, mirror: false);
        for (var i = 0; i < 9; i++)
        {
            Assert.Equal(untouched[i], plain[i], 1e-4);
            Assert.Equal(expected[i], voted[i], 1e-4);
        }

        double[] Mirrored(int shift) => Combine(0.5, Logits(shift, mirror: false), 0.5, Logits(shift, mirror: true));
        double[] Logits(int shift, bool mirror) =>
            ReferenceNetwork.Logits(network, weights, Draw(new View(shift, mirror, 1), images, 16), 3);
        static double[] Combine(double p, double[] a, double q, double[] b) => [.. a.Zip(b, (x, y) => (p * x) + (q * y))];
    }

    [Fact]
    public void Adaptive_is_mirror_translate_under_a_threshold_above_one_and_none_at_zero()
    {
        using var folder = new TemporaryFolder();
        var network = RandomNetwork.Small();
        using var classifier = Open(folder, network, RandomNetwork.Weights(network, 1));
        Gen.Select(Gen.Int[1, 12], Gen.Int).ForEachCase((count, seed) =>
        {
            var images = RandomNetwork.Images(count, 16, seed);

            Assert.Equal(Run(classifier, images, count, Tta.MirrorTranslate, 0), Run(classifier, images, count, Tta.Adaptive, 1.01), Same);
            Assert.Equal(
                Run(classifier, images, count, Tta.None, 0) with { AllViews = 0 }, Run(classifier, images, count, Tta.Adaptive, 0), Same);
        }, cases: 30);

        static bool Same(Answer a, Answer b) => a.AllViews == b.AllViews && a.Plain.SequenceEqual(b.Plain) && a.Voted.SequenceEqual(b.Voted);
    }

    [Fact]
    public void Between_them_exactly_the_images_below_the_threshold_get_all_views_wherever_they_stand_in_the_batch()
    {
        using var folder = new TemporaryFolder();
        var network = RandomNetwork.Small();
        using var classifier = Open(folder, network, RandomNetwork.Weights(network, 1));
        var mixed = 0;
        Gen.Select(Gen.Int[1, 12], Gen.Int, Gen.Int[0, 11]).ForEachCase((count, seed, pick) =>
        {
            var images = RandomNetwork.Images(count, 16, seed);
            var (none, every) = (Run(classifier, images, count, Tta.None, 0), Run(classifier, images, count, Tta.MirrorTranslate, 0));
            var confidence = Enumerable.Range(0, count).Select(i => Probabilities(none.Plain, i).Max()).ToArray();
            var threshold = confidence[pick % count] * (1 + 1e-9);

            var found = Run(classifier, images, count, Tta.Adaptive, threshold);

            var doubtful = Enumerable.Range(0, count).Where(i => confidence[i] < threshold).ToHashSet();
            Assert.Equal(doubtful.Count, found.AllViews);
            Assert.Equal(none.Plain, found.Plain);
            for (var k = 0; k < found.Voted.Length; k++)
            {
                // A sub-batch is another matrix product, so its last bits may differ.
                var expected = doubtful.Contains(k / 3) ? every.Voted[k] : none.Plain[k];
                Assert.Equal(expected, found.Voted[k], 1e-5f * (1 + Math.Abs(expected)));
            }
            mixed += doubtful.Count > 0 && doubtful.Count < count ? 1 : 0;
        });
        Assert.InRange(mixed, 50, 100);   // or the cases above show nothing

        static double[] Probabilities(float[] logits, int image)
        {
            var powers = logits.AsSpan(image * 3, 3).ToArray().Select(logit => Math.Exp(logit)).ToArray();
            return [.. powers.Select(p => p / powers.Sum())];
        }
    }

    private sealed record Answer(int AllViews, float[] Plain, float[] Voted);

    private static Answer Run(OnnxClassifier classifier, byte[] images, int count, Tta tta, double threshold)
    {
        var (plain, voted) = (new float[count * classifier.ClassCount], new float[count * classifier.ClassCount]);
        return new(new TtaClassifier(classifier, tta, batchSize: 12, threshold).Run(images, count, plain, voted), plain, voted);
    }

    private static OnnxClassifier Open(TemporaryFolder folder, NetworkSpec network, Dictionary<string, float[]> weights)
    {
        var model = folder.File("model.onnx");
        NetworkExporter.Save(
            NetworkExporter.Build(RandomNetwork.Manifest(network), RandomNetwork.WriteWeights(folder.Path, network, weights), 17), model);
        return OnnxClassifier.Open(model);
    }

    private static byte[] Draw(View view, byte[] planes, int size)
    {
        var output = new byte[planes.Length];
        TestTimeAugmentation.Draw(view, planes, size, output);
        return output;
    }

    private static byte[,] Pad(ReadOnlySpan<byte> plane, int size)
    {
        var padded = new byte[size + 2, size + 2];
        for (var y = 0; y < size + 2; y++)
        {
            for (var x = 0; x < size + 2; x++)
            {
                padded[y, x] = plane[(Inside(y - 1) * size) + Inside(x - 1)];
            }
        }
        return padded;

        int Inside(int i) => i == -1 ? 1 : i == size ? size - 2 : i;
    }
}
