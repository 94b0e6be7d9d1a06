namespace Airbench.Onnx;

/// <summary>Learns a linear layer on the features of a backbone that stays as it is: features are computed once, whatever is learned of them.</summary>
/// <param name="features">Of all images; those that can be learned have all views.</param>
/// <param name="mirrored">Of the mirror images of the test images; null where nobody asks for them.</param>
/// <param name="images">The images.</param>
/// <param name="weights">How much an example counts.</param>
internal sealed class HeadMethod(FeatureTable features, FeatureTable? mirrored, TransferImages images, ClassWeights weights) : ITransferMethod
{
    /// <summary>Opens it: computes the features of every view, or finds them in the cache.</summary>
    public static HeadMethod Open(
        ImportedModel backbone, TransferImages images, TransferOptions options, string sha256, string device, int seed, IProgress progress,
        CancellationToken cancel)
    {
        var (features, mirrored) = Compute(backbone, images, options, sha256, device, seed, progress, cancel);
        return new HeadMethod(features, mirrored, images, options.ClassWeights);
    }

    /// <summary>The features of every view alone.</summary>
    public static FeatureTable Features(
        ImportedModel backbone, TransferImages images, TransferOptions options, string sha256, string device, int seed, IProgress progress,
        CancellationToken cancel) => Compute(backbone, images, options, sha256, device, seed, progress, cancel).Features;

    private static (FeatureTable Features, FeatureTable? Mirrored) Compute(
        ImportedModel backbone, TransferImages images, TransferOptions options, string sha256, string device, int seed, IProgress progress,
        CancellationToken cancel)
    {
        var (learned, asked) = Views(options, images.Size, seed);
        using var extractor = FeatureExtractor.Open(backbone.Graph, images.Size, [backbone.FeatureCount], device, new SessionSettings(options.Threads));
        return FeatureCache.Use(sha256, extractor.Width, progress, cache =>
        {
            var source = new ImageFeatures(extractor, cache, images, cancel);
            // Rows of views that a test image is not asked in stay zero.
            var values = FeatureTable.Room((long)images.Count * learned.Count, extractor.Width);
            var found = source.Of(
                images.TrainIndices.SelectMany(image => learned.Of(image).Select(view => (image, view)))
                    .Concat(images.TestIndices.SelectMany(image => asked.Of(image).Select(view => (image, view)))),
                ((long)images.TrainCount * learned.Count) + ((long)images.Test.Count * asked.Count), progress);
            var (train, one) = (images.TrainCount * learned.Count * extractor.Width, asked.Count * extractor.Width);
            found.AsSpan(0, train).CopyTo(values);
            for (var i = 0; i < images.Test.Count; i++)
            {
                found.AsSpan(train + (i * one), one).CopyTo(values.AsSpan(train + (i * learned.Count * extractor.Width)));
            }
            var mirror = TrainingView.Whole(images.Size) with { Mirror = true };
            var mirrored = options.Tta == Tta.Mirror
                ? new FeatureTable(source.Of(images.TestIndices.Select(image => (image, mirror)), images.Test.Count, progress), extractor.Width, 1)
                : null;
            var table = new FeatureTable(values, extractor.Width, learned.Count);
            return images.TrainCount < 2 || !table.IsSame(images.TrainCount)
                ? (table, mirrored)
                : throw new DataException(
                    $"the backbone gives the same features for all {images.TrainCount:N0} training images, so that no head can tell them apart; " +
                    "expected a trained network, and its pixels as it learned them: look at its preprocessing");
        });
    }

    /// <summary>The views of images that may be learned, and those of the others, which are only asked.</summary>
    /// <remarks>A cross-validation learns the test images too.</remarks>
    public static (ViewPlan Learned, ViewPlan Asked) Views(TransferOptions options, int size, int seed)
    {
        var learned = new ViewPlan(size, options.Mirror, options.Crops, seed);
        return (learned, options.Folds > 0 ? learned : new ViewPlan(size, Mirror: false, Crops: 0, seed));
    }

    /// <inheritdoc/>
    public ITransferred Learn(int[] learned, int seed, IProgress progress, CancellationToken cancel)
    {
        var (head, l2) = new HeadFit(images.ClassCount, weights, seed).Fit(features.Of(learned), Array.ConvertAll(learned, image => images.Labels[image]), cancel);
        return new Learned(head, l2, features, mirrored, images.TrainCount);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private sealed class Learned(LinearHead head, double l2, FeatureTable features, FeatureTable? mirrored, int firstTest) : ITransferred
    {
        public LinearHead Head => head;

        public double L2 => l2;

        public int Steps => 0;

        public IReadOnlyDictionary<string, float[]> Changed { get; } = new Dictionary<string, float[]>();

        public double[] Answer(int[] asked, bool mirror, CancellationToken cancel)
        {
            var (logits, wide) = (new double[asked.Length * head.Classes], new double[features.Width]);
            for (var i = 0; i < asked.Length; i++)
            {
                head.Answer(mirror ? mirrored!.Row(asked[i] - firstTest) : features.Row(asked[i]), wide, logits.AsSpan(i * head.Classes, head.Classes));
            }
            return logits;
        }
    }
}
