using Airbench.Onnx;
using Airbench.Pipeline;

namespace Airbench.Cli;

/// <summary>Times a model file.</summary>
internal sealed class BenchmarkModelStage : BenchmarkStage<ModelBenchmarkOptions>
{
    public override string Uses => "benchmark_model";

    public override string Description => "Measure latency and throughput of an exported model in ONNX Runtime.";

    public override IReadOnlyList<Type> Inputs => [typeof(OnnxBundle)];

    public override StageResult Run(StageContext context, ModelBenchmarkOptions options)
    {
        var benchmark = ModelBenchmark.Run(
            context.Input<OnnxBundle>(), options, context.Device, context.Seed, BenchmarkReporter.Earlier(options.Against, context.Root),
            OutputFolder(context, options), context.Progress, context.Cancel);
        var (rows, fastest) = (benchmark.Report.Model!.Rows, benchmark.Report.Model.Rows.MaxBy(row => row.ImagesPerSecond)!);
        return new StageResult(benchmark, FormattableString.Invariant(
            $"p50 {rows[0].P50Ms:0.000} ms (batch {rows[0].BatchSize}), {fastest.ImagesPerSecond:#,0} images/s (batch {fastest.BatchSize})"))
        {
            WorkSeconds = rows.Sum(row => row.RoundsMs.Sum(round => round.Sum())) / 1000,
            Items = rows.Sum(row => (long)row.Calls * row.BatchSize),
            Device = string.Join(" ", rows.Select(row => row.Device).Distinct()),
        };
    }

    public override IEnumerable<string> Check(ModelBenchmarkOptions options) => ModelBenchmarkOptions.Check(options);
}
