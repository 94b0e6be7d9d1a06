using System.Diagnostics;

namespace Airbench.Inference;

/// <summary>The evaluate stage: a model file against the labels of a prepared set.</summary>
public static class Evaluator
{
    /// <summary>
    /// Classifies every image of a split and writes <c>predictions.csv</c>, <c>confusion.csv</c> and, last, <c>metrics.json</c>.
    /// </summary>
    /// <param name="bundle">The exported model.</param>
    /// <param name="dataset">A prepared set with the same classes and image size.</param>
    /// <param name="options">Variant, views, split, gates.</param>
    /// <param name="device">auto, cpu, cuda or cuda:N.</param>
    /// <param name="folder">Where the evaluation goes, whole or not at all.</param>
    /// <param name="progress">Where to say what happens.</param>
    /// <param name="cancel">Ends the work within a batch.</param>
    /// <exception cref="GateException">
    /// A bound was missed, or TorchSharp's own count on the same images was not reproduced; the evaluation is written all the same.
    /// </exception>
    /// <exception cref="DataException">The data set has other classes or another image size.</exception>
    /// <exception cref="InvalidFileException">A file is damaged or was changed since its manifest was written.</exception>
    /// <exception cref="DeviceException">The device was asked for and is not there.</exception>
    public static Evaluation Evaluate(
        OnnxBundle bundle, Dataset dataset, EvaluateOptions options, string device, string folder,
        IProgress progress, CancellationToken cancel)
    {
        if (EvaluateOptions.Check(options).FirstOrDefault() is { } problem)
        {
            throw new ConfigurationException(problem);
        }
        CheckFits(bundle.Manifest, dataset.Manifest);
        using var classifier = BundleModel.Open(bundle, options.Model, device, options.Threads);
        progress.Info(classifier.Device.Note);

        using var split = dataset.OpenSplit(options.Split);
        var answers = Classify(classifier, split, options, progress, cancel);
        if (options.Tta == Tta.Adaptive)
        {
            progress.Info(FormattableString.Invariant(
                $"adaptive: {answers.AllViews} of {split.Count} images were below {options.AdaptiveThreshold} and got all views"));
        }
        var confusion = Metrics.Confusion(split.Labels, answers.Predicted, classifier.ClassCount);
        var (variant, data) = (bundle.Manifest.Variants[options.Model], dataset.Manifest);
        var metrics = new EvaluationMetrics
        {
            Model = variant.File,
            ModelSha256 = variant.Sha256,
            Data = $"{data.Name}/{(options.Split == Split.Train ? "train" : "test")}",
            DatasetSha256 = data.Sha256,
            Synthetic = data.IsSynthetic,
            Provider = classifier.Device.Provider,
            Tta = options.Tta,
            AdaptiveThreshold = options.Tta == Tta.Adaptive ? options.AdaptiveThreshold : null,
            AllViewsShare = options.Tta == Tta.Adaptive ? (double)answers.AllViews / split.Count : null,
            Count = split.Count,
            Correct = answers.CorrectCount,
            CorrectPlain = answers.CorrectPlain,
            Accuracy = (double)answers.CorrectCount / split.Count,
            AccuracyPlain = (double)answers.CorrectPlain / split.Count,
            AccuracyInterval95 = Metrics.WilsonInterval(answers.CorrectCount, split.Count),
            Nll = answers.NllSum / split.Count,
            Ece = Metrics.CalibrationError(answers.Confidence, answers.Correct),
            ImagesPerSecond = split.Count / answers.Seconds,
            Classes = Metrics.PerClass(confusion, data.Classes),
        };
        var evaluation = EvaluationFiles.Write(folder, metrics, split, answers, confusion);
        Judge(evaluation, bundle.Manifest, options);
        return evaluation;
    }

    private static Answers Classify(
        OnnxClassifier classifier, ImageSplit split, EvaluateOptions options, IProgress progress, CancellationToken cancel)
    {
        if (split.Count == 0)
        {
            throw new DataException($"the {options.Split} split has no images: there is nothing to evaluate");
        }
        var batchSize = Math.Min(options.BatchSize, split.Count);
        var voters = new TtaClassifier(classifier, options.Tta, batchSize, options.AdaptiveThreshold);
        var plain = new float[batchSize * classifier.ClassCount];
        var voted = new float[batchSize * classifier.ClassCount];
        var answers = new Answers(split.Count);
        var clock = new Stopwatch();
        using var task = progress.Start("evaluate", split.Count, "images");
        for (var first = 0; first < split.Count; first += batchSize)
        {
            cancel.ThrowIfCancellationRequested();
            var count = Math.Min(batchSize, split.Count - first);
            var logits = count * classifier.ClassCount;
            clock.Start();
            answers.AllViews += voters.Run(split.Images(first, count), count, plain.AsSpan(0, logits), voted.AsSpan(0, logits));
            clock.Stop();
            for (var i = 0; i < count; i++)
            {
                var row = new Range(i * classifier.ClassCount, (i + 1) * classifier.ClassCount);
                answers.Add(first + i, (int)split.Labels[first + i], plain.AsSpan(row), voted.AsSpan(row));
            }
            task.Report(first + count, FormattableString.Invariant($"accuracy {(double)answers.CorrectCount / (first + count):0.0000}"));
        }
        answers.Seconds = clock.Elapsed.TotalSeconds;
        return answers;
    }

    private static void CheckFits(BundleManifest bundle, DatasetManifest data)
    {
        if (data.ImageSize != bundle.ImageSize)
        {
            throw new DataException(
                $"data set {data.Name} has {data.ImageSize}-pixel images, the model takes {bundle.ImageSize}: prepare it with that size");
        }
        if (!data.Classes.SequenceEqual(bundle.Classes))
        {
            throw new DataException(
                $"data set {data.Name} has the classes {Text(data.Classes)}; the model knows {Text(bundle.Classes)}: " +
                "labels mean the same only where names and order agree");
        }

        static string Text(IReadOnlyList<string> names) =>
            $"[{string.Join(", ", names.Take(12))}{(names.Count > 12 ? ", ..." : "")}] ({names.Count})";
    }

    private static void Judge(Evaluation evaluation, BundleManifest bundle, EvaluateOptions options)
    {
        var missed = EvaluationGates.Missed(evaluation.Metrics, options.Gates);
        if (options.Split == Split.Test && options.Model == "fp32" && evaluation.Metrics.DatasetSha256 == bundle.DatasetSha256)
        {
            missed = missed.Concat(EvaluationGates.Differences(evaluation.Metrics, bundle.Fp32));
        }
        var sentences = missed.ToArray();
        if (sentences.Length > 0)
        {
            throw new GateException($"{string.Join("; ", sentences)}. The evaluation is kept in {evaluation.Folder}");
        }
    }
}
