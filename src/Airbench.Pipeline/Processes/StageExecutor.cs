namespace Airbench.Pipeline;

/// <summary>How one stage is executed: here (<see cref="InProcessExecutor"/>) or in a process of its own (<see cref="ProcessExecutor"/>).</summary>
public interface IStageExecutor
{
    /// <summary>Does the stage's work and waits for its end. Nothing that the stage does wrong is thrown.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="context">What it gets; its progress is told as the work goes on.</param>
    /// <param name="output">Gets every line that the stage, or a native library in it, printed past the progress. Called from other threads too.</param>
    StageOutcome Execute(PipelineStage stage, StageContext context, Action<string> output);
}

/// <summary>How a stage's work ended: either a result or an error.</summary>
/// <param name="Result">What it made.</param>
/// <param name="Exception">What ended it.</param>
/// <param name="PeakMegabytes">Most memory that it had resident, MiB; null where the system tells nothing.</param>
public sealed record StageOutcome(StageResult? Result, Exception? Exception, long? PeakMegabytes);

/// <summary>Executes stages in the process that runs the pipeline: for debuggers and tests.</summary>
public sealed class InProcessExecutor : IStageExecutor
{
    /// <inheritdoc/>
    public StageOutcome Execute(PipelineStage stage, StageContext context, Action<string> output)
    {
        PeakMemory.Reset();
        try
        {
            return new(Work(stage.Kind, context, stage.Options), null, PeakMemory.Megabytes());
        }
#pragma warning disable CA1031 // a defect in one stage must not take the record of the run and the other stages with it
        catch (Exception e)
#pragma warning restore CA1031
        {
            return new(null, e, PeakMemory.Megabytes());
        }
    }

    /// <summary>Runs the stage and holds it to the artifact that it declares.</summary>
    internal static StageResult Work(IStage kind, StageContext context, object options)
    {
        var result = kind.Run(context, options);
        return kind.Output.IsInstanceOfType(result.Artifact)
            ? result
            : throw new InvalidOperationException($"stage kind '{kind.Uses}' made {result.Artifact.GetType().Name}; it declares {kind.Output.Name}");
    }
}
