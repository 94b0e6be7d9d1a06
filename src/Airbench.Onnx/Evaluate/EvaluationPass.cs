using System.Diagnostics;
using Airbench.Data;

namespace Airbench.Onnx;

/// <summary>One model over all images, as rows of <c>predictions.csv</c> that come one batch after the other.</summary>
internal sealed class EvaluationPass(
    ModelReference model, OnnxClassifier classifier, IImageSource images, int[] labels, EvaluateOptions options, Shard shard)
{
    private readonly Stopwatch _clock = new();

    /// <summary>What was counted so far.</summary>
    public Tally Tally { get; } = Tally.Of(classifier.ClassCount);

    /// <summary>The first broken image and its error, for a message; null where all are good.</summary>
    public string? FirstBroken { get; private set; }

    /// <summary>Seconds in the session, views included.</summary>
    public double Seconds => _clock.Elapsed.TotalSeconds;

    /// <summary>Classifies; to be enumerated once.</summary>
    public IEnumerable<IReadOnlyList<object?>> Rows(IProgress progress, CancellationToken cancel)
    {
        var (size, classes, names) = (classifier.ImageSize, classifier.ClassCount, model.Description.Classes);
        var batchSize = Math.Min(options.BatchSize, images.Count);
        var voters = new TtaClassifier(classifier, model.Description.Outside(options.Tta), batchSize, options.AdaptiveThreshold);
        var (plain, voted) = (new float[batchSize * classes], new float[batchSize * classes]);
        using var task = progress.Start("evaluate", images.Count, "images");
        foreach (var batch in new BatchReader(images, size, model.Description.Input.Fit).Read(options.BatchSize, shard, cancel))
        {
            cancel.ThrowIfCancellationRequested();
            var count = batch.ReadableCount;
            if (count > 0)
            {
                _clock.Start();
                Tally.AllViews += voters.Run(batch.Pixels.Span, count, plain.AsSpan(0, count * classes), voted.AsSpan(0, count * classes));
                _clock.Stop();
            }
            var row = 0;
            foreach (var image in batch.Images)
            {
                if (image.Error is not null)
                {
                    Tally.Broken++;
                    FirstBroken ??= $"{image.Path}: {image.Error}";
                    yield return EvaluationFiles.Row(image, image.Label < 0 ? "" : names[labels[image.Label]]);   // a row of a CSV file may lack even that
                    continue;
                }
                var label = labels[image.Label];
                var scores = voted.AsSpan(row * classes, classes);
                Scores.Require(scores, model.Path, image.Path);
                var (predicted, confidence) = Tally.Add(label, plain.AsSpan(row++ * classes, classes), scores);
                yield return EvaluationFiles.Row(image, names[label], names[predicted], confidence);
            }
            var accuracy = Tally.Count == 0 ? 0 : (double)Tally.Correct / Tally.Count;
            task.Report(batch.Images[^1].Index + 1, FormattableString.Invariant($"accuracy {accuracy:0.0000}"));
        }
    }
}
