using System.Text.Json;
using Airbench.Onnx;
using Airbench.Pipeline;
using Airbench.Training;

namespace Airbench.Cli;

/// <summary>A data set becomes a trained network: from scratch by a recipe, or on a backbone.</summary>
internal sealed class TrainStage : Stage<TrainStageOptions, TrainedModel>
{
    public override string Uses => "train";

    public override string Description => "Train a network: by a recipe on TorchSharp, or from a network that exists in ONNX Runtime.";

    public override IReadOnlyList<Type> Inputs => [typeof(Dataset)];

    public override bool FinishesStep => true;

    public override StageResult Run(StageContext context, TrainStageOptions options) => options.Backbone is null ? FromScratch(context, options) : FromBackbone(context, options);

    private StageResult FromBackbone(StageContext context, TrainStageOptions options)
    {
        var model = TransferTrainer.Train(
            context.Input<Dataset>(), options.ToTransfer(context.Root), OutputFolder(context, options), context.Device, context.Seed, context.Progress, context.Cancel);
        var (manifest, run) = (model.Manifest, model.Manifest.Runs[0]);
        var transfer = manifest.Transfer!;
        return new StageResult(model, FormattableString.Invariant(
            $"{manifest.Backbone!.Name}, {JsonNamingPolicy.SnakeCaseLower.ConvertName(transfer.Train.ToString())} on {context.Input<Dataset>().Manifest.TrainCount:N0} images") +
            (transfer.CrossValidation is { } validation ? FormattableString.Invariant($"; {validation.Folds} folds: {validation.MeanAccuracy:0.0%} of {validation.Count:N0}") : ""))
        {
            WorkSeconds = run.TrainSeconds,
            Items = context.Input<Dataset>().Manifest.TrainCount,
            Device = manifest.Device,
            AccuracyPlain = run.AccuracyPlain,
            AccuracyTta = run.AccuracyTta,
        };
    }

    private StageResult FromScratch(StageContext context, TrainStageOptions options)
    {
        var model = Trainer.Train(
            context.Input<Dataset>(), options, OutputFolder(context, options), context.Device, context.Seed, context.Progress, context.Cancel, context.StartsAnew);
        var manifest = model.Manifest;
        var (seconds, steps) = (manifest.Runs.Sum(run => run.TrainSeconds), manifest.Runs.Sum(run => (long)run.Steps));
        return new StageResult(model, FormattableString.Invariant(
            $"{manifest.RecipeName} {manifest.Precision}{Measured(manifest.Rates)}, {manifest.Runs.Count} x {manifest.Runs[0].Steps} steps, {seconds / steps:0.00} s/step"))
        {
            WorkSeconds = seconds,
            Items = steps * manifest.Recipe!.BatchSize,
            Device = manifest.Device,
            Precision = manifest.Precision,
            Rates = manifest.Rates,
            AccuracyPlain = manifest.Runs.Average(run => run.AccuracyPlain),
            AccuracyTta = manifest.AccuracyTta.Mean,
        };
    }

    /// <summary>" (1.62 times as fast as fp32)" where that was measured.</summary>
    private static string Measured(ArithmeticRates? rates) => rates is null ? "" : FormattableString.Invariant($" (bf16 {rates.Ratio:0.00} times as fast as fp32)");

    public override string? ChangedChoice(StageContext context, TrainStageOptions options, TrainedModel earlier) =>
        options is { Backbone: null, Precision: Precision.Auto } && earlier.Manifest is { Recipe: not null, Device: "cpu", Network: var network } manifest
        && (context.Device == "cpu" || (context.Device == "auto" && BenchmarkMachine.Gpus() is null))
        && AutoPrecision.Here.Known(options.ToRecipe().Network(network.ImageSize, network.ClassCount, network.Mean, network.Std), options.Threads) is { } choice
        && choice.Name != manifest.Precision
            ? $"the model there is in {manifest.Precision}, and precision: {choice}"
            : null;

    public override IEnumerable<string> Check(TrainStageOptions options) => TrainStageOptions.Check(options);

    public override string OutputFolder(StageContext context, TrainStageOptions options) => context.Below("models", options.Name);

    public override TrainedModel Open(string folder) => TrainedModel.Open(folder);

    public override Fingerprint Fingerprint(StageContext context, TrainStageOptions options) => options.Backbone is null
        ? new()
        {
            Settings = new { Recipe = options.ToRecipe(), IsBatchGiven = options.Changes.ContainsKey("batch_size"), options.Runs, options.Precision, options.Kernels, options.ValidateEvery },
            Environment = Factors.All(Factors.Seed(context), Factors.Device(context), Factors.Threads(options.Threads)),
            Versions = Factors.All(Factors.Code(typeof(Trainer)), Factors.Packages(typeof(TorchSharp.torch)), Factors.Libtorch()),
        }
        : new()
        {
            // Of the user's files the content counts, not the name: see Reads.
            Settings = options.ToTransfer(context.Root) with
            {
                Backbone = Backbones.Names.Contains(options.Backbone) ? options.Backbone : "file",
                Input = options.BackboneInput with { Preprocess = options.BackboneInput.Preprocess is null ? null : "file" },
                Threads = 0,
            },
            Environment = Factors.All(Factors.Seed(context), Factors.Device(context)),
            Reads = BackboneFiles(options.ToTransfer(context.Root)),
            Versions = Factors.All(Factors.Code(typeof(TransferTrainer)), Factors.Packages(typeof(Microsoft.ML.OnnxRuntime.OrtEnv)), Factors.OnnxRuntime()),
        };

    /// <summary>Files that are the user's: their content counts.</summary>
    private static IReadOnlyList<string> BackboneFiles(TransferOptions options) =>
        [.. ((string?[])[Backbones.Names.Contains(options.Backbone) ? null : options.Backbone, options.Input.Preprocess]).OfType<string>()];
}
