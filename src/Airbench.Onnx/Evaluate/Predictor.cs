using Airbench.Data;

namespace Airbench.Onnx;

/// <summary>A class and how sure the model is of it.</summary>
/// <param name="Label">Class name.</param>
/// <param name="Confidence">Softmax probability, 0 to 1.</param>
public sealed record Prediction(string Label, double Confidence);

/// <summary>The answer to one image.</summary>
/// <param name="Path">Where it came from.</param>
/// <param name="Best">The likeliest class; null for a broken image.</param>
/// <param name="Probabilities">Of every class, in label order; null for a broken image.</param>
/// <param name="Error">Why it could not be decoded; null where it could.</param>
public sealed record PredictedImage(string Path, Prediction? Best, IReadOnlyList<double>? Probabilities, string? Error);

/// <summary>Labels for images that have none.</summary>
public sealed class Predictor : IDisposable
{
    private readonly string _model;
    private readonly OnnxClassifier _classifier;
    private readonly TtaClassifier _voters;
    private readonly Fit _fit;
    private readonly int _batchSize;

    private Predictor(string model, OnnxClassifier classifier, ModelDescription description, ClassifierOptions options)
    {
        _model = model;
        (_classifier, Classes, _fit, _batchSize) = (classifier, description.Classes, description.Input.Fit, options.BatchSize);
        _voters = new TtaClassifier(classifier, description.Outside(options.Tta), options.BatchSize, options.AdaptiveThreshold);
    }

    /// <summary>Class names in the order of the scores.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Height and width of the images that it takes, pixels.</summary>
    public int ImageSize => _classifier.ImageSize;

    /// <summary>Where it computes.</summary>
    public ExecutionDevice Device => _classifier.Device;

    /// <summary>Opens a model.</summary>
    /// <param name="model">A variant of <paramref name="bundle"/>, an ONNX file, or another bundle's folder.</param>
    /// <param name="bundle">The exported model; null where <paramref name="model"/> is a path.</param>
    /// <param name="options">How it is fed and run.</param>
    /// <param name="device">auto, cpu, cuda or cuda:N.</param>
    /// <exception cref="ConfigurationException">There is no such variant, or the options leave something open.</exception>
    /// <exception cref="InvalidFileException">The model file is missing, damaged, not the one that was exported, or no classifier.</exception>
    /// <exception cref="DeviceException">CUDA was asked for and is absent.</exception>
    public static Predictor Open(string model, OnnxBundle? bundle, ClassifierOptions options, string device)
    {
        var reference = ModelReference.Resolve(model, bundle, options);
        UnusedOptions.Refuse([reference], options);
        if (bundle is not null && !ModelReference.IsVariantName(model))
        {
            throw new ConfigurationException($"bundle: {bundle.Folder} is not used, as {model} is a model of its own; leave the bundle out (--bundle), or name one of its variants");
        }
        return new Predictor(reference.Path, reference.Open(device, SessionSettings.Of(options)), reference.Description, options);
    }

    /// <summary>The answer to every image, in order, one batch after the other; memory does not grow with their number.</summary>
    public IEnumerable<PredictedImage> Predict(IImageSource images, CancellationToken cancel)
    {
        foreach (var batch in new BatchReader(images, ImageSize, _fit).Read(_batchSize, Shard.Whole, cancel))
        {
            var readable = batch.Images.Where(image => image.Error is null).Select(image => image.Path).ToList();
            var answers = Predict(batch.Pixels.Span, i => readable[i]);
            var row = 0;
            foreach (var image in batch.Images)
            {
                if (image.Error is not null)
                {
                    yield return new PredictedImage(image.Path, null, null, image.Error);
                    continue;
                }
                var probabilities = answers[row++];
                var best = Array.IndexOf(probabilities, probabilities.Max());
                yield return new PredictedImage(image.Path, new Prediction(Classes[best], probabilities[best]), probabilities, null);
            }
        }
    }

    /// <summary>Probabilities of every class for each image.</summary>
    /// <param name="images">uint8 [count,3,S,S], planar RGB.</param>
    /// <exception cref="InvalidFileException">The model answers with something that is no number.</exception>
    public IReadOnlyList<double[]> Predict(ReadOnlySpan<byte> images) => Predict(images, i => FormattableString.Invariant($"image {i}"));

    /// <inheritdoc/>
    public void Dispose() => _classifier.Dispose();

    private List<double[]> Predict(ReadOnlySpan<byte> images, Func<int, string> pathOf)
    {
        var pixels = 3 * ImageSize * ImageSize;
        ArgumentOutOfRangeException.ThrowIfNotEqual(images.Length % pixels, 0);
        var answers = new List<double[]>(images.Length / pixels);
        var (plain, voted) = (new float[_batchSize * Classes.Count], new float[_batchSize * Classes.Count]);
        while (!images.IsEmpty)
        {
            var count = Math.Min(_batchSize, images.Length / pixels);
            var logits = count * Classes.Count;
            _voters.Run(images[..(count * pixels)], count, plain.AsSpan(0, logits), voted.AsSpan(0, logits));
            for (var i = 0; i < count; i++)
            {
                var scores = voted.AsSpan(i * Classes.Count, Classes.Count);
                Scores.Require(scores, _model, pathOf(answers.Count));
                answers.Add(Softmax.Probabilities(scores));
            }
            images = images[(count * pixels)..];
        }
        return answers;
    }
}
