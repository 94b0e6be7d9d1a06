using Airbench.Pipeline;

namespace Airbench.Cli;

/// <summary>Every kind of stage, in the order of the flow: Dataset -> TrainedModel -> OnnxBundle -> Evaluation; benchmarks stand beside it.</summary>
internal static class Stages
{
    public static IReadOnlyList<IStage> All { get; } =
    [
        new PrepareStage(),          // images               -> Dataset
        new TrainStage(),            // Dataset              -> TrainedModel
        new ExportStage(),           // TrainedModel         -> OnnxBundle
        new FinetuneStage(),         // OnnxBundle, Dataset  -> OnnxBundle
        new EvaluateStage(),         // OnnxBundle, Dataset  -> Evaluation
        new BenchmarkTrainStage(),   // Dataset              -> Benchmark
        new BenchmarkModelStage(),   // OnnxBundle           -> Benchmark
    ];
}
