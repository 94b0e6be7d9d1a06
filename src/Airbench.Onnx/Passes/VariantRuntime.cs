namespace Airbench.Onnx;

/// <summary>
/// ONNX Runtime and the data set behind a trained model, as the making of variants needs them. Ranges come from some training images and
/// choices from others; the test split is read by <see cref="Score"/> alone.
/// </summary>
public sealed class VariantRuntime : IVariantRuntime, IDisposable
{
    /// <summary>Most training images that judge which layers stay in float.</summary>
    public const int MaxHeldOut = 4096;

    /// <summary>Most training images that a vote inside is compared with a vote outside on.</summary>
    public const int MaxCompared = 512;

    /// <summary>Most training images that judge a variant beside a small test split.</summary>
    private const int MaxAlsoTrained = 10_000;

    /// <summary>Closer to the threshold than rounding, an image may be below it for one and not for the other.</summary>
    private const double Undecided = 1e-5;

    private const int BatchSize = 100;

    private readonly Dataset _dataset;
    private readonly int[] _rows;   // the model's class of each class of the data: a fine-tuned network may know more
    private readonly ImageSplit _train;
    private readonly CalibrationOptions _options;
    private readonly string _device;
    private readonly int[] _calibration;
    private readonly int[] _heldOut;
    private readonly IProgress _progress;
    private readonly CancellationToken _cancel;

    private VariantRuntime(
        Dataset dataset, int[] rows, CalibrationOptions options, string device, int seed, IProgress progress, CancellationToken cancel)
    {
        (_dataset, _rows, _options, _device, _progress, _cancel) = (dataset, rows, options, device, progress, cancel);
        _train = dataset.OpenSplit(Split.Train);
        var order = Enumerable.Range(0, _train.Count).ToArray();
        new Random(seed).Shuffle(order);
        var count = Math.Min(options.Images, order.Length / 2);
        _calibration = order[..count];
        _heldOut = order[count..Math.Min(count + MaxHeldOut, order.Length)];
        Array.Sort(_heldOut);   // in the file's order, which the disk prefers
    }

    /// <summary>Opens the training split of <paramref name="dataset"/>.</summary>
    /// <param name="dataset">The set that <paramref name="model"/> was trained on.</param>
    /// <param name="model">A trained model.</param>
    /// <param name="options">How ranges are chosen.</param>
    /// <param name="device">auto, cpu, cuda or cuda:N: where fp32 and fp16 are scored. int8 is for CPUs and scored there.</param>
    /// <param name="seed">Seed of the choice of images.</param>
    /// <param name="progress">Where to say what happens.</param>
    /// <param name="cancel">Ends the work within a batch.</param>
    /// <exception cref="DataException">It is another set, has a class that the model does not know, or too few images.</exception>
    public static VariantRuntime Open(
        Dataset dataset, TrainedModel model, CalibrationOptions options, string device, int seed, IProgress progress, CancellationToken cancel)
    {
        RequireDatasetOf(model, dataset);
        var (data, trained) = (dataset.Manifest, model.Manifest);
        return data.TrainCount >= 2 && data.TestCount >= 1
            ? new VariantRuntime(
                dataset, LabelMap.Match(data.Name, data.Classes, model.Folder, trained.Classes), options, device, seed, progress, cancel)
            : throw new DataException(
                $"{dataset.Folder} has {data.TrainCount} training and {data.TestCount} test images; variants need at least 2 and 1");
    }

    /// <summary>Whether <paramref name="model"/> was trained on <paramref name="dataset"/>.</summary>
    /// <exception cref="DataException">It was not.</exception>
    public static void RequireDatasetOf(TrainedModel model, Dataset dataset)
    {
        var (data, trained) = (dataset.Manifest, model.Manifest);
        if (data.Sha256 != trained.DatasetSha256)
        {
            throw new DataException(
                $"{dataset.Folder} (sha256 {data.Sha256}) is not the data set of {model.Folder}, which was trained on {trained.DatasetName} " +
                $"(sha256 {trained.DatasetSha256}); variants are calibrated on its training split and judged on its test split: prepare it again, or train again");
        }
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, ValueRange> Calibrate(string modelFile, IReadOnlyList<string> values) =>
        Calibrator.Observe(
        modelFile, values, _calibration.Length, (first, count) => ImageBatch.Gather(_train, _calibration[first..(first + count)]), _train.ImageSize, _options, _progress, _cancel);

    /// <inheritdoc/>
    public HeldOutAnswers AnswerHeldOut(string modelFile)
    {
        using var classifier = OnnxClassifier.Open(modelFile);
        var classes = classifier.ClassCount;
        var logits = new float[_heldOut.Length * classes];
        var (done, correct) = (0, 0);
        using var task = _progress.Start("held-out images", _heldOut.Length, "images");
        foreach (var batch in _heldOut.Chunk(BatchSize))
        {
            _cancel.ThrowIfCancellationRequested();
            var answers = logits.AsSpan(done * classes, batch.Length * classes);
            classifier.Run(ImageBatch.Gather(_train, batch), batch.Length, answers);
            for (var i = 0; i < batch.Length; i++)
            {
                correct += Softmax.ArgMax(answers.Slice(i * classes, classes)) == _rows[_train.Labels[batch[i]]] ? 1 : 0;
            }
            done += batch.Length;
            task.Report(done);
        }
        return new HeldOutAnswers(_heldOut.Length, correct, logits);
    }

    /// <inheritdoc/>
    public ParityResult CompareVotes(string votingFile, string plainFile, Tta tta, double threshold)
    {
        using var inside = OnnxClassifier.Open(votingFile);
        using var outside = OnnxClassifier.Open(plainFile);
        var classes = inside.ClassCount;
        var voters = new TtaClassifier(outside, tta, BatchSize, threshold);
        var (found, plain, expected) = (new float[BatchSize * classes], new float[BatchSize * classes], new float[BatchSize * classes]);
        var (images, same, worst) = (0, 0, 0.0);
        foreach (var batch in _heldOut.Take(MaxCompared).Chunk(BatchSize))
        {
            _cancel.ThrowIfCancellationRequested();
            var (pixels, n) = (ImageBatch.Gather(_train, batch), batch.Length);
            inside.Run(pixels, n, found.AsSpan(0, n * classes));
            voters.Run(pixels, n, plain.AsSpan(0, n * classes), expected.AsSpan(0, n * classes));
            for (var i = 0; i < n; i++)
            {
                if (tta == Tta.Adaptive && Math.Abs(Softmax.Confidence(plain.AsSpan(i * classes, classes)) - threshold) < Undecided)
                {
                    continue;
                }
                var ours = found.AsSpan(i * classes, classes);
                var theirs = expected.AsSpan(i * classes, classes);
                images++;
                same += Softmax.ArgMax(ours) == Softmax.ArgMax(theirs) ? 1 : 0;
                worst = Math.Max(worst, ParityGate.LargestDifference(ours, theirs));
            }
        }
        return new ParityResult(images, worst, same);
    }

    /// <inheritdoc/>
    public IReadOnlyList<VariantScore> Score(IReadOnlyList<(string Variant, string File)> models)
    {
        var sessions = new List<OnnxClassifier>();
        try
        {
            foreach (var (variant, file) in models)
            {
                sessions.Add(OnnxClassifier.Open(file, variant.StartsWith("int8", StringComparison.Ordinal) ? "cpu" : _device));
            }
            using var test = _dataset.OpenSplit(Split.Test);
            var tested = Enumerable.Range(0, test.Count).ToArray();
            var trained = test.Count < VariantGate.SmallSet ? Spread(_train.Count, MaxAlsoTrained) : [];
            var answers = sessions.ConvertAll(session => Answer(session, test, tested));
            var others = sessions.ConvertAll(session => Answer(session, _train, trained));
            int[] labels = [.. test.Labels.Concat(trained.Select(index => _train.Labels[index])).Select(label => _rows[label])];
            var speeds = VariantSpeed.Measure(sessions, ImageBatch.Gather(test, [.. Enumerable.Range(0, BatchSize).Select(i => i % test.Count)]), BatchSize, _cancel);
            var reference = answers[0];
            return [.. sessions.Select((session, i) => new VariantScore(
                session.Device.Name, test.Count, answers[i].Correct, (double)answers[i].Correct / test.Count,
                (double)(reference.Correct - answers[i].Correct) / test.Count,
                (double)answers[i].Best.Zip(reference.Best).Count(pair => pair.First == pair.Second) / test.Count,
                Math.Round(speeds[i].ImagesPerSecond, 1), speeds[i].P50Ms)
            {
                AllImages = i == 0 || trained.Length == 0 ? null
                    : AnswerComparison.Of([.. reference.Best, .. others[0].Best], [.. answers[i].Best, .. others[i].Best], labels),
            })];
        }
        finally
        {
            sessions.ForEach(session => session.Dispose());
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _train.Dispose();

    /// <summary>All of so many images, or as many as there may be, from all over them.</summary>
    private static int[] Spread(int count, int most) => [.. Enumerable.Range(0, Math.Min(count, most)).Select(i => (int)((long)i * count / Math.Min(count, most)))];

    private (int[] Best, int Correct) Answer(OnnxClassifier session, ImageSplit images, int[] indices)
    {
        using var task = indices.Length == 0 ? null : _progress.Start("score", indices.Length, "images");
        var classes = session.ClassCount;
        var logits = new float[BatchSize * classes];
        var best = new List<int>(indices.Length);
        foreach (var batch in indices.Chunk(BatchSize))
        {
            _cancel.ThrowIfCancellationRequested();
            session.Run(ImageBatch.Gather(images, batch), batch.Length, logits.AsSpan(0, batch.Length * classes));
            best.AddRange(Enumerable.Range(0, batch.Length).Select(i => Softmax.ArgMax(logits.AsSpan(i * classes, classes))));
            task?.Report(best.Count);
        }
        return ([.. best], best.Zip(indices).Count(pair => pair.First == _rows[images.Labels[pair.Second]]));
    }
}
