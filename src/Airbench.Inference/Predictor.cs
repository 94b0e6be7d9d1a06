namespace Airbench.Inference;

/// <summary>A class and how sure the model is of it.</summary>
/// <param name="Label">Class name.</param>
/// <param name="Confidence">Softmax probability, 0 to 1.</param>
public sealed record Prediction(string Label, double Confidence);

/// <summary>Labels for images that have none: a bundle's model with its class names.</summary>
public sealed class Predictor : IDisposable
{
    private readonly OnnxClassifier _classifier;
    private readonly IReadOnlyList<string> _classes;
    private readonly TtaClassifier _voters;
    private readonly int _batchSize;

    private Predictor(OnnxClassifier classifier, IReadOnlyList<string> classes, Tta tta, int batchSize, double adaptiveThreshold)
    {
        (_classifier, _classes, _batchSize) = (classifier, classes, batchSize);
        _voters = new TtaClassifier(classifier, tta, batchSize, adaptiveThreshold);
    }

    /// <summary>Height and width of the images that it takes, pixels.</summary>
    public int ImageSize => _classifier.ImageSize;

    /// <summary>Where it computes.</summary>
    public ExecutionDevice Device => _classifier.Device;

    /// <summary>Opens the variant <paramref name="model"/> of <paramref name="bundle"/>.</summary>
    /// <param name="bundle">The exported model.</param>
    /// <param name="tta">Views of an image that vote.</param>
    /// <param name="model">Variant of the bundle.</param>
    /// <param name="device">auto, cpu, cuda or cuda:N.</param>
    /// <param name="threads">Threads of one operator; 0 is one per core.</param>
    /// <param name="batchSize">Images a call of ONNX Runtime.</param>
    /// <param name="adaptiveThreshold">Confidence (0 to 1) of the untouched image below which <see cref="Tta.Adaptive"/> takes all views.</param>
    /// <exception cref="InvalidFileException">The model file is missing, damaged, or not the one that was exported.</exception>
    /// <exception cref="DeviceException">CUDA was asked for and is absent.</exception>
    public static Predictor Open(
        OnnxBundle bundle, Tta tta = Tta.None, string model = "fp32", string device = "auto", int threads = 0, int batchSize = 100,
        double adaptiveThreshold = EvaluateOptions.DefaultAdaptiveThreshold) =>
        new(BundleModel.Open(bundle, model, device, threads), bundle.Manifest.Classes, tta, batchSize, adaptiveThreshold);

    /// <summary>The likeliest classes of each image, best first.</summary>
    /// <param name="images">uint8 [count,3,S,S], planar RGB.</param>
    /// <param name="top">Classes an image; never more than there are.</param>
    public IReadOnlyList<IReadOnlyList<Prediction>> Predict(ReadOnlySpan<byte> images, int top = 1)
    {
        var pixels = 3 * ImageSize * ImageSize;
        ArgumentOutOfRangeException.ThrowIfNotEqual(images.Length % pixels, 0);
        var answers = new List<IReadOnlyList<Prediction>>(images.Length / pixels);
        var plain = new float[_batchSize * _classes.Count];
        var voted = new float[_batchSize * _classes.Count];
        while (!images.IsEmpty)
        {
            var count = Math.Min(_batchSize, images.Length / pixels);
            var logits = count * _classes.Count;
            _voters.Run(images[..(count * pixels)], count, plain.AsSpan(0, logits), voted.AsSpan(0, logits));
            for (var i = 0; i < count; i++)
            {
                answers.Add(Best(voted.AsSpan(i * _classes.Count, _classes.Count).ToArray(), top));
            }
            images = images[(count * pixels)..];
        }
        return answers;
    }

    /// <inheritdoc/>
    public void Dispose() => _classifier.Dispose();

    private Prediction[] Best(float[] logits, int top) =>
    [
        .. Enumerable.Range(0, logits.Length).OrderByDescending(k => logits[k]).Take(top)
            .Select(k => new Prediction(_classes[k], Math.Exp(Softmax.LogProbability(logits, k)))),
    ];
}
