namespace Airbench.Onnx;

/// <summary>ONNX Runtime on images in memory, as <see cref="Int8Search"/> needs it.</summary>
internal sealed class QuantizationRuntime : ICalibrationRuntime
{
    private const int BatchSize = 16;

    private readonly int _size;
    private readonly byte[] _calibration;
    private readonly byte[] _heldOut;
    private readonly int[] _labels;
    private readonly CalibrationOptions _options;
    private readonly IProgress _progress;
    private readonly CancellationToken _cancel;

    /// <summary>Reads the images.</summary>
    /// <exception cref="DataException">None of them can be read.</exception>
    public QuantizationRuntime(QuantizationImages images, CalibrationOptions options, IProgress progress, CancellationToken cancel)
    {
        (_size, _options, _progress, _cancel) = (images.Size, options, progress, cancel);
        (_calibration, _) = Gather(images, images.CalibrationIndices);
        (_heldOut, _labels) = Gather(images, images.HeldOutIndices);
        CalibrationImages = _calibration.Length / (3 * _size * _size);
    }

    /// <summary>Images that ranges come from.</summary>
    public int CalibrationImages { get; }

    /// <summary>Calibration images that could not be read; the others are counted where all are compared.</summary>
    public int BrokenImages { get; private set; }

    /// <summary>Some of the held-out images, for measurements of speed.</summary>
    public byte[] Batch(int count)
    {
        var image = 3 * _size * _size;
        var batch = new byte[count * image];
        for (var i = 0; i < count; i++)
        {
            _heldOut.AsSpan(i % _labels.Length * image, image).CopyTo(batch.AsSpan(i * image));
        }
        return batch;
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, ValueRange> Calibrate(string modelFile, IReadOnlyList<string> values) => Calibrator.Observe(
        modelFile, values, CalibrationImages, (first, count) => _calibration.AsSpan(first * 3 * _size * _size, count * 3 * _size * _size).ToArray(), _size, _options, _progress, _cancel);

    /// <inheritdoc/>
    public HeldOutAnswers AnswerHeldOut(string modelFile)
    {
        using var classifier = OnnxClassifier.Open(modelFile);
        var (logits, correct) = Answers(classifier, _heldOut, _labels, _cancel);
        return new HeldOutAnswers(_labels.Length, correct, logits);
    }

    /// <summary>Logits for images, and how many of them are right.</summary>
    public static (float[] Logits, int Correct) Answers(OnnxClassifier classifier, byte[] pixels, int[] labels, CancellationToken cancel)
    {
        var (classes, image) = (classifier.ClassCount, 3 * classifier.ImageSize * classifier.ImageSize);
        var logits = new float[labels.Length * classes];
        for (var first = 0; first < labels.Length; first += BatchSize)
        {
            cancel.ThrowIfCancellationRequested();
            var count = Math.Min(BatchSize, labels.Length - first);
            classifier.Run(pixels.AsSpan(first * image, count * image), count, logits.AsSpan(first * classes, count * classes));
        }
        return (logits, labels.Index().Count(label => Softmax.ArgMax(logits.AsSpan(label.Index * classes, classes)) == label.Item));
    }

    private (byte[] Pixels, int[] Labels) Gather(QuantizationImages images, IReadOnlyList<int> numbers)
    {
        using var task = _progress.Start("read", numbers.Count, "images");
        var (pixels, labels, why) = (new MemoryStream(), new List<int>(), "");
        foreach (var batch in images.Read(numbers, broken => { BrokenImages += numbers == images.CalibrationIndices ? 1 : 0; why = $"{broken.Path}: {broken.Error}"; }, _cancel))
        {
            pixels.Write(batch.Pixels);
            labels.AddRange(batch.Labels);
            task.Report(labels.Count);
        }
        return labels.Count > 0 ? (pixels.ToArray(), [.. labels])
            : throw new DataException($"none of {Counted.Of(numbers.Count, "image")} can be read; the last: {why}");
    }
}
