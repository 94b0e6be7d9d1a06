namespace Airbench.Onnx;

/// <summary>Learns a linear layer on the features of a backbone that stays as it is: features are computed once, whatever is learned of them.</summary>
/// <param name="features">Of all images.</param>
/// <param name="labels">Class of each image.</param>
/// <param name="classCount">Classes K.</param>
/// <param name="weights">How much an example counts.</param>
/// <param name="mirrorView">Place of the mirror image among the views; -1 where it is none.</param>
internal sealed class HeadMethod(FeatureTable features, int[] labels, int classCount, ClassWeights weights, int mirrorView) : ITransferMethod
{
    /// <inheritdoc/>
    public ITransferred Learn(int[] images, int seed, IProgress progress, CancellationToken cancel)
    {
        var (head, l2) = new HeadFit(classCount, weights, seed).Fit(features.Of(images), Array.ConvertAll(images, image => labels[image]), cancel);
        return new Learned(head, l2, features, mirrorView);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private sealed class Learned(LinearHead head, double l2, FeatureTable features, int mirrorView) : ITransferred
    {
        public LinearHead Head => head;

        public double L2 => l2;

        public int Steps => 0;

        public IReadOnlyDictionary<string, float[]> Changed { get; } = new Dictionary<string, float[]>();

        public double[] Answer(int[] images, bool mirrored, CancellationToken cancel)
        {
            var (logits, wide) = (new double[images.Length * head.Classes], new double[features.Width]);
            for (var i = 0; i < images.Length; i++)
            {
                head.Answer(features.Row(images[i], mirrored ? mirrorView : 0), wide, logits.AsSpan(i * head.Classes, head.Classes));
            }
            return logits;
        }

        public void Dispose()
        {
        }
    }
}
