namespace Airbench.Pipeline;

/// <summary>A format in which other tools show runs.</summary>
public enum Tracker
{
    /// <summary>Event files in the run's folder.</summary>
    Tensorboard,
}

/// <summary>A pipeline that passed every check: typed options, a graph without cycles, the artifacts that each stage needs.</summary>
public sealed record PipelineDefinition
{
    /// <summary>Name of the pipeline; also a folder name under <c>runs/</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Seed of everything random, 0 or more.</summary>
    public required int Seed { get; init; }

    /// <summary>auto, cpu, cuda or cuda:N.</summary>
    public required string Device { get; init; }

    /// <summary>Price of the machine, US dollars an hour, 0 or more; null where none was given.</summary>
    public double? UsdPerHour { get; init; }

    /// <summary>Formats of other tools that a run is written in as well.</summary>
    public IReadOnlyList<Tracker> Tracking { get; init; } = [];

    /// <summary>The stages in the order of the file.</summary>
    public required IReadOnlyList<PipelineStage> Stages { get; init; }

    /// <summary>The command that runs it, for messages that say what to do: <c>airbench run pipeline.yaml --set seed=2</c>.</summary>
    public required string Command { get; init; }

    /// <summary>The environment variables that it takes.</summary>
    public PipelineEnvironment Environment { get; init; } = PipelineEnvironment.None;

    /// <summary>What <paramref name="stage"/> gets to see, inputs and progress aside.</summary>
    internal StageContext Context(PipelineStage stage, string root, string runFolder) => new()
    {
        Name = stage.Key,
        DefaultName = Stages.Count(other => other.Kind.Uses == stage.Kind.Uses) > 1 ? $"{Name}-{stage.Key}" : Name,
        Seed = Seed,
        Device = Device,
        UsdPerHour = UsdPerHour,
        Root = root,
        RunFolder = runFolder,
    };
}

/// <summary>One stage of a pipeline.</summary>
public sealed record PipelineStage
{
    /// <summary>Its name: the key in the file.</summary>
    public required string Key { get; init; }

    /// <summary>What <c>uses</c> named.</summary>
    public required IStage Kind { get; init; }

    /// <summary>Keys of the stages whose artifacts it takes.</summary>
    public IReadOnlyList<string> Needs { get; init; } = [];

    /// <summary>An instance of <see cref="IStage.OptionsType"/>, defaults filled in.</summary>
    public required object Options { get; init; }

    /// <summary>As <see cref="Options"/>, but with <c>${env:NAME}</c> in texts that take an environment variable's value; null where none does.</summary>
    internal object? OptionsAsWritten { get; init; }

    /// <summary>Where its key stands.</summary>
    public required SourcePosition Position { get; init; }

    /// <summary>Artifacts from outside of the pipeline, for a stage that is run by itself (<see cref="PipelineFile.OneStage"/>).</summary>
    public IReadOnlyList<Artifact> Given { get; init; } = [];
}
