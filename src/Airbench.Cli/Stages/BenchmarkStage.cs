using Airbench.Pipeline;

namespace Airbench.Cli;

/// <summary>What the stages that measure time have in common: they run every time, alone, into the folder of the run.</summary>
internal abstract class BenchmarkStage<TOptions> : Stage<TOptions, Benchmark>
    where TOptions : class, new()
{
    public override string? AlwaysRuns => "it measures time";

    public override string OutputFolder(StageContext context, TOptions options) => context.InRunFolder();

    public override Benchmark Open(string folder) => Benchmark.Open(folder);

    public override DeviceUse UseOf(TOptions options) => DeviceUse.Alone;
}
