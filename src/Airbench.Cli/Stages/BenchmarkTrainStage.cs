using Airbench.Pipeline;
using Airbench.Training;

namespace Airbench.Cli;

/// <summary>Times trainings.</summary>
internal sealed class BenchmarkTrainStage : BenchmarkStage<TrainBenchmarkOptions>
{
    public override string Uses => "benchmark_train";

    public override string Description => "Time the training of a recipe over several runs, and test whether it reaches its target accuracy.";

    public override IReadOnlyList<Type> Inputs => [typeof(Dataset)];

    public override bool FinishesStep => true;

    public override StageResult Run(StageContext context, TrainBenchmarkOptions options)
    {
        var benchmark = TrainBenchmark.Run(
            context.Input<Dataset>(), options, context.Device, context.Seed, context.UsdPerHour, BenchmarkReporter.Earlier(options.Against, context.Root),
            OutputFolder(context, options), context.Progress, context.Cancel);
        var train = benchmark.Report.Train!;
        return new StageResult(benchmark, FormattableString.Invariant(
            $"{train.Recipe.Name} {train.Precision}, {train.Runs.Count} x {train.Seconds!.Mean:0.00} s, {train.StepsPerSecond:0.00} steps/s"))
        {
            WorkSeconds = train.Runs.Sum(run => run.Seconds),
            Items = train.Runs.Sum(run => (long)run.Steps) * train.Recipe.BatchSize,
            Device = train.Device,
            Precision = train.Precision,
            Rates = train.Rates,
            AccuracyPlain = train.Runs.Average(run => run.AccuracyPlain),
            AccuracyTta = train.Accuracy!.Mean,
        };
    }

    public override IEnumerable<string> Check(TrainBenchmarkOptions options) => TrainBenchmarkOptions.Check(options);
}
