using System.Diagnostics;
using System.Text.Json;
using Airbench.Data;

namespace Airbench.Onnx;

/// <summary>The evaluate stage: model files against labelled images.</summary>
public static class Evaluator
{
    /// <summary>
    /// Classifies every image and writes <c>predictions.csv</c>, <c>confusion.csv</c> and, last, <c>metrics.json</c>; of further models the same
    /// below <c>models/</c>, and <c>comparison.csv</c>.
    /// </summary>
    /// <param name="bundle">The exported model, where the options name variants of it.</param>
    /// <param name="dataset">A prepared set, where the options name no other images.</param>
    /// <param name="options">Models, images, views, gates.</param>
    /// <param name="device">auto, cpu, cuda or cuda:N.</param>
    /// <param name="folder">Where the evaluation goes, whole or not at all.</param>
    /// <param name="progress">Where to say what happens.</param>
    /// <param name="cancel">Ends the work within a batch.</param>
    /// <returns>The evaluation of the first model.</returns>
    /// <exception cref="GateException">
    /// A bound was missed, or TorchSharp's own count on the same images was not reproduced; the evaluation is written all the same.
    /// </exception>
    /// <exception cref="ConfigurationException">An option, or what a model file leaves open.</exception>
    /// <exception cref="DataException">The images have other classes or another size, or cannot be read.</exception>
    /// <exception cref="InvalidFileException">A file is damaged, changed since its manifest was written, or no classifier.</exception>
    /// <exception cref="DeviceException">The device was asked for and is not there.</exception>
    public static Evaluation Evaluate(
        OnnxBundle? bundle, Dataset? dataset, EvaluateOptions options, string device, string folder,
        IProgress progress, CancellationToken cancel)
    {
        if (EvaluateOptions.Check(options).FirstOrDefault() is { } problem)
        {
            throw new ConfigurationException(problem);
        }
        var models = options.Model.Select(name => ModelReference.Resolve(name, bundle, options)).ToList();
        UnusedOptions.Refuse(models, options);
        UnusedOptions.RefuseForPrepared(options);
        using var images = Open(dataset, options, progress, cancel);
        var labels = models.ConvertAll(model => LabelMap.Match(images.Name, images.Classes, model.File, model.Description.Classes));
        models.ForEach(model => CheckPreparation(model, images));

        using var build = AtomicFolder.Create(folder);
        var folders = Folders(models);
        var done = new List<(string Name, string Folder, EvaluationMetrics Metrics)>();
        var tallies = new List<Tally>();
        string? firstBroken = null;
        foreach (var (i, model) in models.Index())
        {
            var place = Directory.CreateDirectory(build.File(folders[i])).FullName;
            var (metrics, tally, broken) = Run(model, images, labels[i], options, device, place, progress, cancel);
            done.Add((model.Name, folders[i], metrics));
            tallies.Add(tally);
            firstBroken ??= broken;   // the same for every model
        }
        if (done.Count > 1)
        {
            done[0] = done[0] with { Metrics = done[0].Metrics with { Comparison = ModelComparer.Compare(done, build.Path) } };
        }
        for (var i = done.Count - 1; i >= 0; i--)
        {
            EvaluationFiles.Write(build.File(done[i].Folder), done[i].Metrics, tallies[i]);
        }
        var evaluation = new Evaluation(build.Commit(), done[0].Metrics);
        Judge(evaluation, models, done.ConvertAll(entry => entry.Metrics), firstBroken, options, progress);
        return evaluation;
    }

    private static IEvaluationSource Open(Dataset? dataset, EvaluateOptions options, IProgress progress, CancellationToken cancel)
    {
        IEvaluationSource images = options.Data is { } path
            ? LabelledFiles.Open(path, options.Split, options.MaxUnpackedBytes, progress, cancel, options.NameEncoding)
            : new PreparedImages(
                dataset ?? throw new ConfigurationException("found no images; expected a prepared set (--dataset, or a prepare stage in needs), or data (--data)"),
                options.Split);
        if (images.Count == 0)
        {
            images.Dispose();
            throw new DataException($"the {options.Split} split has no images: there is nothing to evaluate");
        }
        return images;
    }

    private static void CheckPreparation(ModelReference model, IEvaluationSource images)
    {
        var input = model.Description.Input;
        if (images.Prepared is not { } prepared)
        {
            return;
        }
        if (prepared.Size != input.Size)
        {
            throw new DataException($"data set {images.Name} has {prepared.Size}-pixel images, the model takes {input.Size}: prepare it with that size");
        }
        if (prepared.Fit != input.Fit)
        {
            var (made, taken) = (prepared.Fit.ToString().ToLowerInvariant(), input.Fit.ToString().ToLowerInvariant());
            throw new DataException(
                $"data set {images.Name} was prepared with fit: {made}, the model {model.Name} takes fit: {taken}: prepare it with that, or evaluate the images themselves (data: FOLDER)" +
                (model.Bundle is null ? $"; if the file was trained so, say it (fit: {made})" : ""));
        }
    }

    /// <summary>The first is stored at the top, as a single one is; names that occur twice get a number.</summary>
    private static List<string> Folders(List<ModelReference> models)
    {
        var folders = new List<string> { "." };
        foreach (var model in models.Skip(1))
        {
            var (folder, number) = ($"models/{model.Name}", 2);
            while (folders.Contains(folder))
            {
                folder = $"models/{model.Name}-{number++}";
            }
            folders.Add(folder);
        }
        return folders;
    }

    private static (EvaluationMetrics Metrics, Tally Tally, string? FirstBroken) Run(
        ModelReference model, IEvaluationSource images, int[] labels, EvaluateOptions options, string device, string folder,
        IProgress progress, CancellationToken cancel)
    {
        using var classifier = model.Open(device, SessionSettings.Of(options));
        progress.Info(classifier.Device.CudaIndex is null ? classifier.Device.Note : $"{classifier.Device.Note}; {classifier.DescribeNodes()}");
        var (inside, tta) = (model.Description.VotesInside, model.Description.Outside(options.Tta));
        if (inside != Tta.None)
        {
            progress.Info($"{model.File}: test-time augmentation is inside the model ({JsonNamingPolicy.SnakeCaseLower.ConvertName(inside.ToString())}), so it is given each image once and the option tta is ignored");
        }
        var shard = options.Shard is { } text ? Shard.Parse(text) : null;
        var pass = new EvaluationPass(model, classifier, images, labels, options, shard ?? Shard.Whole);
        var wall = Stopwatch.StartNew();
        Csv.Write(Path.Combine(folder, EvaluationFiles.PredictionsName), EvaluationFiles.PredictionColumns, pass.Rows(progress, cancel));
        wall.Stop();
        var tally = pass.Tally;
        if (tta == Tta.Adaptive)
        {
            progress.Info(FormattableString.Invariant(
                $"adaptive: {tally.AllViews} of {tally.Count} images were below {options.AdaptiveThreshold} and got all views"));
        }
        var metrics = new EvaluationMetrics
        {
            Model = model.File,
            ModelSha256 = model.Sha256,
            Data = images.Name,
            DatasetSha256 = images.Sha256,
            Synthetic = images.Synthetic,
            Provider = classifier.Device.Provider,
            Tta = tta,
            TtaInside = inside == Tta.None ? null : inside,
            AdaptiveThreshold = tta == Tta.Adaptive ? options.AdaptiveThreshold : null,
            Shard = shard?.ToString(),
            SourceCount = images.Count,
            LeftOut = images.LeftOut is { Counts.Count: > 0 } leftOut ? leftOut.Counts : null,
            Count = 0,
            Correct = 0,
            CorrectPlain = 0,
            Accuracy = 0,
            AccuracyPlain = 0,
            AccuracyInterval95 = [],
            Nll = 0,
            Ece = 0,
            ImagesPerSecond = tally.Count == 0 ? 0 : tally.Count / pass.Seconds,
            Classes = [],
            Settings = new RunSettings(
                model.Description.Input.ToString(), model.Description.Output.ToString(), options.BatchSize, options.Threads,
                options.GraphOptimization.ToString().ToLowerInvariant(), classifier.ProviderOptions, classifier.IsBound, OnnxRuntime.Start().GetVersionString())
            {
                Fit = model.Description.Input.Fit,
            },
            WallSeconds = wall.Elapsed.TotalSeconds,
            SessionSeconds = classifier.SessionTime.TotalSeconds,
        };
        return (tally.Complete(metrics, model.Description.Classes), tally, pass.FirstBroken);
    }

    private static void Judge(
        Evaluation evaluation, List<ModelReference> models, List<EvaluationMetrics> metrics, string? firstBroken, EvaluateOptions options,
        IProgress progress)
    {
        var missed = new List<string>();
        foreach (var (model, numbers) in models.Zip(metrics))
        {
            var about = EvaluationGates.Missed(numbers, options.Gates);
            if (options.Split == Split.Test && options.Shard is null && model is { IsFp32: true, Bundle: { } bundle } && numbers.DatasetSha256 == bundle.DatasetSha256)
            {
                about = about.Concat(EvaluationGates.Differences(numbers, bundle.Fp32));
            }
            missed.AddRange(models.Count == 1 ? about : about.Select(sentence => $"{model.Name}: {sentence}"));
        }
        var (broken, total) = (metrics[0].Broken, metrics[0].Broken + metrics[0].Count);
        if (broken > 0)
        {
            var sentence = $"{Counted.Are(broken, total, "image")} broken, for example {firstBroken}; the rows with an error in {EvaluationFiles.PredictionsName} say why, and the numbers are of the other {metrics[0].Count}";
            if ((double)broken / total > options.MaxBadFraction)
            {
                missed.Add(FormattableString.Invariant($"{sentence}: more than max_bad_fraction {options.MaxBadFraction} allows"));
            }
            else
            {
                progress.Warn(sentence);
            }
        }
        if (missed.Count > 0)
        {
            throw new GateException($"{string.Join("; ", missed)}. The evaluation is kept in {evaluation.Folder}");
        }
    }
}
