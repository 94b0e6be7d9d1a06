using Airbench.Data;
using Airbench.Onnx;
using Airbench.Pipeline;
using Airbench.Training;

namespace Airbench.Cli;

/// <summary>
/// Every kind of stage: the whole flow on one screen. Dataset -> TrainedModel -> OnnxBundle -> Evaluation; the benchmarks stand beside it.
/// </summary>
internal static class Stages
{
    public static IReadOnlyList<IStage> All { get; } = [Prepare(), Train(), Export(), Finetune(), Evaluate(), BenchmarkTrain(), BenchmarkModel()];

    private const string MeasuresTime = "it measures time";

    private static Stage<PrepareOptions, Dataset> Prepare() => new()
    {
        Uses = "prepare",
        Description = "Decode labelled images into one memory-mapped data set.",
        Checker = PrepareOptions.Check,
        UseOf = _ => DeviceUse.None,
        Settings = options => options with
        {
            Name = null,   // the folder says it
            Path = IsTree(options) ? null : options.Path,   // what is there counts, see Reads
            Download = true,   // the archive's sum is known, wherever it comes from
            TrainCount = options.Source == DataSource.Synthetic ? options.TrainCount : 0,
            TestCount = options.Source == DataSource.Synthetic ? options.TestCount : 0,
        },
        Environment = (context, options) => options.Source == DataSource.Synthetic ? Factors.Seed(context) : [],
        Reads = (_, options) => IsTree(options) ? [options.Path!] : [],
        Versions = () => Factors.All(Factors.Code(), Factors.Packages(typeof(SkiaSharp.SKBitmap))),
        Folder = (context, options) => Path.Combine(context.Root, "data", Preparer.DatasetName(options)),
        Opener = Dataset.Open,
        Work = (context, options) =>
        {
            var data = Path.Combine(context.Root, "data");
            // A relative path means what the pipeline file sees, wherever the command is typed.
            var rooted = options with { Path = options.Path is null ? null : Path.GetFullPath(options.Path, context.Root) };
            var dataset = Preparer.Prepare(
                rooted, Path.Combine(data, Preparer.DatasetName(options)), data, context.Seed, context.Progress, context.Cancel);
            var manifest = dataset.Manifest;
            var images = manifest.TrainCount + manifest.TestCount;
            return new StageResult(
                dataset, $"{Describe(manifest)}: {manifest.TrainCount:N0} train, {manifest.TestCount:N0} test, {manifest.Classes.Count} classes")
            {
                Items = images,
            };
        },
    };

    private static Stage<TrainOptions, TrainedModel> Train() => new()
    {
        Uses = "train",
        Description = "Train a network by a recipe on TorchSharp.",
        Inputs = [typeof(Dataset)],
        Checker = TrainOptions.Check,
        Settings = options => new { Recipe = options.ToRecipe(), options.Runs, options.Precision, options.ValidateEvery },
        Environment = (context, options) => Factors.All(Factors.Seed(context), Factors.Device(context), Factors.Threads(options.Threads)),
        Versions = () => Factors.All(Factors.Code(typeof(Trainer)), Factors.Packages(typeof(TorchSharp.torch)), Factors.Libtorch()),
        Folder = (context, options) => FolderOf(context, "models", options.Name),
        Opener = TrainedModel.Open,
        Work = (context, options) =>
        {
            var folder = FolderOf(context, "models", options.Name);
            var dataset = context.Input<Dataset>();
            var model = Trainer.Train(dataset, options, folder, context.Device, context.Seed, context.Progress, context.Cancel);
            var manifest = model.Manifest;
            var (seconds, steps) = (manifest.Runs.Sum(run => run.TrainSeconds), manifest.Runs.Sum(run => (long)run.Steps));
            return new StageResult(model, FormattableString.Invariant(
                $"{manifest.Recipe.Name} {manifest.Precision}, {manifest.Runs.Count} x {manifest.Runs[0].Steps} steps, {seconds / steps:0.00} s/step"))
            {
                WorkSeconds = seconds,
                Items = steps * manifest.Recipe.BatchSize,
                Device = manifest.Device,
                AccuracyPlain = manifest.Runs.Average(run => run.AccuracyPlain),
                AccuracyTta = manifest.AccuracyTta.Mean,
            };
        },
    };

    private static Stage<ExportOptions, OnnxBundle> Export() => new()
    {
        Uses = "export",
        Description = "Write the trained network as ONNX and prove that it computes the same.",
        Inputs = [typeof(TrainedModel)],
        OptionalInputs = [typeof(Dataset)],
        InputsFor = options => ExportOptions.NeedDataset(options) ? [typeof(Dataset)] : [],
        Checker = ExportOptions.Check,
        UseOf = options => ExportOptions.NeedDataset(options) ? DeviceUse.Takes : DeviceUse.None,
        Settings = options => ExportOptions.NeedDataset(options)
            ? options with { Name = null }
            : options with { Name = null, MaxDrop = [], AdaptiveShare = 0, Calibration = new(), FloatLayers = [] },   // of variants that are not made
        Environment = (context, options) => ExportOptions.NeedDataset(options)
            ? Factors.All(Factors.Seed(context), Factors.Device(context))
            : Factors.Device(context with { Device = "cpu" }),   // where parity is proven
        Versions = () => Factors.All(
            Factors.Code(typeof(Exporter), typeof(ParityGate)),
            Factors.Packages(typeof(Microsoft.ML.OnnxRuntime.OrtEnv), typeof(Google.Protobuf.IMessage)), Factors.OnnxRuntime()),
        Folder = (context, options) => FolderOf(context, "exports", options.Name),
        Opener = OnnxBundle.Open,
        Work = (context, options) =>
        {
            var bundle = Exporter.Export(
                context.Input<TrainedModel>(), options, FolderOf(context, "exports", options.Name), context.Inputs.OfType<Dataset>().SingleOrDefault(),
                context.Device, context.Seed, context.Progress, context.Cancel);
            var parity = bundle.Manifest.Parity;
            var sizes = string.Join(", ", bundle.Manifest.Variants.Values.Select(variant => FormattableString.Invariant(
                $"{variant.File} {variant.Bytes / 1e6:0.0} MB")));
            return new StageResult(bundle, FormattableString.Invariant(
                $"{sizes}, opset {bundle.Manifest.Opset}; parity {parity.MaxAbsDifference:0.0e+0} on {parity.Images} images"))
            {
                Items = parity.Images,
            };
        },
    };

    private static Stage<FinetuneOptions, OnnxBundle> Finetune() => new()
    {
        Uses = "finetune",
        Description = "Adapt an exported model to new images with ONNX Runtime, and export it again.",
        OptionalInputs = [typeof(OnnxBundle), typeof(TrainedModel), typeof(Dataset)],
        InputsFor = options =>
            [.. options.Model is null ? (Type[])[typeof(OnnxBundle)] : [], .. options.Data is null ? (Type[])[typeof(Dataset)] : []],
        Checker = options => FinetuneOptions.Check(options).Concat(
            ExportOptions.Check(new ExportOptions { Variants = options.Variants ?? [ExportOptions.Fp32], MaxDrop = options.MaxDrop })),
        Settings = options => options with { Name = null, Model = null, Data = null, OldData = null, Weights = null },   // what is there counts, see Reads
        Environment = (context, options) => Factors.All(Factors.Seed(context), Factors.Device(context), Factors.Threads(options.Threads)),
        Reads = (_, options) => new[] { options.Model, options.Data, options.OldData, options.Weights }.OfType<string>(),
        Versions = () => Factors.All(
            Factors.Code(typeof(Exporter), typeof(Finetuner)),
            Factors.Packages(typeof(Microsoft.ML.OnnxRuntime.OrtEnv), typeof(Google.Protobuf.IMessage), typeof(SkiaSharp.SKBitmap)), Factors.OnnxRuntime()),
        Folder = (context, options) => FolderOf(context, "exports", FinetunedName(context, options)),
        Opener = OnnxBundle.Open,
        Work = (context, options) =>
        {
            var name = FinetunedName(context, options);
            var inputs = FinetuneInputs.Open(options, context.Inputs, context.Root, context.Seed, context.Progress, context.Cancel);
            var export = inputs.ExportLike(options);
            context.Progress.Info($"to be exported as {inputs.Bundle.Folder}: {string.Join(", ", export.Variants)}; {inputs.Bundle.Manifest.Signature?.Inputs[0]}, opset {export.Opset}");
            var (bundle, facts) = Finetuner.Finetune(
                inputs, options, FolderOf(context, "models", name), FolderOf(context, "exports", name), context.Device, context.Seed, context.Progress,
                context.Cancel);
            return new StageResult(bundle, FormattableString.Invariant(
                $"{facts.Train}, {facts.Images:N0} images, epoch {facts.BestEpoch} of {facts.Epochs}; {facts.New}"))
            {
                Items = facts.Images * (long)facts.Epochs,
                Device = facts.Engine.Split(" on ")[^1],
                AccuracyPlain = (double)facts.New.CorrectAfter / facts.New.Count,
            };
        },
    };

    private static Stage<EvaluateOptions, Evaluation> Evaluate() => new()
    {
        Uses = "evaluate",
        Description = "Classify labelled images with ONNX Runtime and test-time augmentation.",
        OptionalInputs = [typeof(Dataset), typeof(OnnxBundle)],
        InputsFor = options =>
            [.. options.Data is null ? (Type[])[typeof(Dataset)] : [], .. EvaluateOptions.NeedBundle(options) ? (Type[])[typeof(OnnxBundle)] : []],
        Checker = EvaluateOptions.Check,
        Environment = (context, _) => Factors.Device(context),
        Reads = (context, options) => EvaluationInputs.Files(Rooted(options, context.Root)),
        Versions = () => Factors.All(
            Factors.Code(typeof(Evaluator)),
            Factors.Packages(typeof(Microsoft.ML.OnnxRuntime.OrtEnv), typeof(SkiaSharp.SKBitmap)), Factors.OnnxRuntime()),
        Folder = (context, _) => Path.Combine(context.RunFolder, context.Name),
        Opener = Evaluation.Open,
        Work = (context, options) =>
        {
            var evaluation = Evaluator.Evaluate(
                context.Inputs.OfType<OnnxBundle>().SingleOrDefault(), context.Inputs.OfType<Dataset>().SingleOrDefault(), Rooted(options, context.Root), context.Device,
                Path.Combine(context.RunFolder, context.Name), context.Progress, context.Cancel);
            foreach (var line in ComparisonTable.Lines(evaluation.Metrics))
            {
                context.Progress.Info(line);
            }
            var (metrics, interval) = (evaluation.Metrics, evaluation.Metrics.AccuracyInterval95);
            var broken = metrics.Broken > 0 ? $", {metrics.Broken:N0} broken" : "";
            return new StageResult(evaluation, FormattableString.Invariant(
                $"{metrics.Data}: {metrics.Correct:N0} of {metrics.Count:N0} right, 95% interval {interval[0]:0.0%} to {interval[1]:0.0%}{broken}"))
            {
                WorkSeconds = metrics.ImagesPerSecond > 0 ? metrics.Count / metrics.ImagesPerSecond : null,
                Items = metrics.Count,
                Device = metrics.Provider == "CPUExecutionProvider" ? "cpu" : "cuda",
                AccuracyPlain = metrics.HasPlain ? metrics.AccuracyPlain : null,
                AccuracyTta = metrics.Accuracy,
            };
        },
    };

    private static Stage<TrainBenchmarkOptions, Benchmark> BenchmarkTrain() => new()
    {
        Uses = "benchmark_train",
        Description = "Time the training of a recipe over several runs, and test whether it reaches its target accuracy.",
        Inputs = [typeof(Dataset)],
        AlwaysRuns = MeasuresTime,
        Checker = TrainBenchmarkOptions.Check,
        UseOf = _ => DeviceUse.Alone,
        Folder = (context, _) => Path.Combine(context.RunFolder, context.Name),
        Opener = Benchmark.Open,
        Work = (context, options) =>
        {
            var benchmark = TrainBenchmark.Run(
                context.Input<Dataset>(), options, context.Device, context.Seed, context.UsdPerHour, BenchmarkReporter.Earlier(options.Against, context.Root),
                Path.Combine(context.RunFolder, context.Name), context.Progress, context.Cancel);
            var train = benchmark.Report.Train!;
            return new StageResult(benchmark, FormattableString.Invariant(
                $"{train.Recipe.Name} {train.Precision}, {train.Runs.Count} x {train.Seconds!.Mean:0.00} s, {train.StepsPerSecond:0.00} steps/s"))
            {
                WorkSeconds = train.Runs.Sum(run => run.Seconds),
                Items = train.Runs.Sum(run => (long)run.Steps) * train.Recipe.BatchSize,
                Device = train.Device,
                AccuracyPlain = train.Runs.Average(run => run.AccuracyPlain),
                AccuracyTta = train.Accuracy!.Mean,
            };
        },
    };

    private static Stage<ModelBenchmarkOptions, Benchmark> BenchmarkModel() => new()
    {
        Uses = "benchmark_model",
        Description = "Measure latency and throughput of an exported model in ONNX Runtime.",
        Inputs = [typeof(OnnxBundle)],
        AlwaysRuns = MeasuresTime,
        Checker = ModelBenchmarkOptions.Check,
        UseOf = _ => DeviceUse.Alone,
        Folder = (context, _) => Path.Combine(context.RunFolder, context.Name),
        Opener = Benchmark.Open,
        Work = (context, options) =>
        {
            var benchmark = ModelBenchmark.Run(
                context.Input<OnnxBundle>(), options, context.Device, context.Seed, BenchmarkReporter.Earlier(options.Against, context.Root),
                Path.Combine(context.RunFolder, context.Name), context.Progress, context.Cancel);
            var (rows, fastest) = (benchmark.Report.Model!.Rows, benchmark.Report.Model.Rows.MaxBy(row => row.ImagesPerSecond)!);
            return new StageResult(benchmark, FormattableString.Invariant(
                $"p50 {rows[0].P50Ms:0.000} ms (batch {rows[0].BatchSize}), {fastest.ImagesPerSecond:#,0} images/s (batch {fastest.BatchSize})"))
            {
                WorkSeconds = rows.Sum(row => row.RoundsMs.Sum(round => round.Sum())) / 1000,
                Items = rows.Sum(row => (long)row.Calls * row.BatchSize),
                Device = string.Join(" ", rows.Select(row => row.Device).Distinct()),
            };
        },
    };

    /// <summary>A relative path means what the pipeline file sees, wherever the command is typed.</summary>
    private static EvaluateOptions Rooted(EvaluateOptions options, string root) => options with
    {
        Model = [.. options.Model.Select(model => EvaluateOptions.IsVariant(model) ? model : Path.Combine(root, model))],
        Data = options.Data is null ? null : Path.Combine(root, options.Data),
        Labels = options.Labels is null ? null : Path.Combine(root, options.Labels),
    };

    /// <summary>Name of a fine-tuned model where the options give none: never that of the bundle that is adapted.</summary>
    private static string FinetunedName(StageContext context, FinetuneOptions options) => options.Name ??
        $"{(options.Model is { } model ? Path.GetFileName(Path.TrimEndingDirectorySeparator(model)) : context.DefaultName)}-finetuned";

    private static bool IsTree(PrepareOptions options) => options.Source is DataSource.Archive or DataSource.Folder;

    private static string FolderOf(StageContext context, string parent, string? name) => Path.Combine(context.Root, parent, name ?? context.DefaultName);

    private static string Describe(DatasetManifest manifest) =>
        manifest.IsSynthetic && manifest.Name != "synthetic" ? $"{manifest.Name} (synthetic)" : manifest.Name;
}
