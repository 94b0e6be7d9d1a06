using Airbench.Pipeline;
using Airbench.Training;

namespace Airbench.Cli;

/// <summary>A data set becomes a trained network.</summary>
internal sealed class TrainStage : Stage<TrainOptions, TrainedModel>
{
    public override string Uses => "train";

    public override string Description => "Train a network by a recipe on TorchSharp.";

    public override IReadOnlyList<Type> Inputs => [typeof(Dataset)];

    public override bool FinishesStep => true;

    public override StageResult Run(StageContext context, TrainOptions options)
    {
        var model = Trainer.Train(
            context.Input<Dataset>(), options, OutputFolder(context, options), context.Device, context.Seed, context.Progress, context.Cancel, context.StartsAnew);
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
    }

    public override IEnumerable<string> Check(TrainOptions options) => TrainOptions.Check(options);

    public override string OutputFolder(StageContext context, TrainOptions options) => context.Below("models", options.Name);

    public override TrainedModel Open(string folder) => TrainedModel.Open(folder);

    public override Fingerprint Fingerprint(StageContext context, TrainOptions options) => new()
    {
        Settings = new { Recipe = options.ToRecipe(), options.Runs, options.Precision, options.Kernels, options.ValidateEvery },
        Environment = Factors.All(Factors.Seed(context), Factors.Device(context), Factors.Threads(options.Threads)),
        Versions = Factors.All(Factors.Code(typeof(Trainer)), Factors.Packages(typeof(TorchSharp.torch)), Factors.Libtorch()),
    };
}
