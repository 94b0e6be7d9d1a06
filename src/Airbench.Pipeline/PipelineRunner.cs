using System.Collections.Concurrent;
using System.Globalization;

namespace Airbench.Pipeline;

/// <summary>Runs the stages of a pipeline, one after another or side by side, and keeps the record of it in the run's folder.</summary>
public static class PipelineRunner
{
    /// <summary>Runs what <paramref name="options"/> select.</summary>
    /// <param name="pipeline">The checked pipeline.</param>
    /// <param name="options">Where, and which stages.</param>
    /// <param name="progress">Gets what the run and its stages say; the run's log gets it too.</param>
    /// <param name="time">Names the run and measures the stages.</param>
    /// <param name="cancel">Ends the stage under way, and the run.</param>
    /// <returns>How every stage ended. One that fails throws nothing here, and stages that do not depend on it still run.</returns>
    /// <exception cref="ConfigurationException">The plan cannot be made (see <see cref="PipelinePlan.Make"/>), or the run's folder
    /// cannot; no stage ran.</exception>
    /// <exception cref="BusyException">Another run works in the same folders and <see cref="RunOptions.Wait"/> is false; no stage ran.</exception>
    /// <exception cref="OperationCanceledException">Cancelled while it waited for another run; no stage ran.</exception>
    public static RunReport Run(
        PipelineDefinition pipeline, RunOptions options, IProgress progress, TimeProvider time, CancellationToken cancel)
    {
        if (StageSchedule.Problem(options.Jobs) is { } problem)
        {
            throw new ConfigurationException($"--jobs: {problem}");
        }

        pipeline = pipeline with { Environment = pipeline.Environment.Below(options.Root) };
        using var locks = FolderLocks.Take(pipeline, options, progress, time, cancel);   // before a look at what earlier runs left
        Sweep(pipeline, options.Root);
        var memory = new StageMemory(pipeline, options, pipeline.Environment.Hide(progress), cancel);
        var plan = PipelinePlan.Make(pipeline, options, memory);
        using var folder = RunFolder.Create(options.Root, pipeline.Name, time);
        AtomicFolder.WriteFile(Path.Combine(folder.Path, RunFolder.ResolvedName), ResolvedYaml.Write(pipeline));
        using var timings = new TimingsFile(Path.Combine(folder.Path, TimingsFile.Name));
        var logged = pipeline.Environment.Hide(new LoggedProgress(progress, folder.Log));
        var running = plan.Rows.Where(r => r.Action is not (PlanAction.Skip or PlanAction.UseExisting)).Select(r => r.Stage.Key);
        logged.Info($"run {Path.GetRelativePath(options.Root, folder.Path)}: {string.Join(", ", running)}");

        var artifacts = new ConcurrentDictionary<string, Artifact>(StringComparer.Ordinal);
        var ended = new ConcurrentDictionary<string, StageReport>(StringComparer.Ordinal);
        StageSchedule.Run(plan.Rows, options.Jobs, row =>
        {
            var report = One(row);
            if ((report.Result?.Artifact ?? row.Existing) is { } artifact)
            {
                artifacts[row.Stage.Key] = artifact;
            }

            ended[row.Stage.Key] = report;
        });
        List<StageReport> reports = [.. plan.Rows.Select(row => ended[row.Stage.Key])];   // in the order of the plan, whichever ended first
        memory.Save(mayCreate: true);
        Sweep(pipeline, options.Root);
        var unfinished = reports.Any(r => r.Status is RunStatus.Cancelled or RunStatus.NotRun);
        var status = cancel.IsCancellationRequested && unfinished ? RunStatus.Cancelled
            : reports.Any(r => r.Status == RunStatus.Failed) ? RunStatus.Failed
            : RunStatus.Ok;
        folder.Log.Write("info", $"run {folder.Id} ended: {status.ToString().ToLowerInvariant()}");
        return new RunReport { RunId = folder.Id, RunFolder = folder.Path, Stages = reports, Status = status, UsdPerHour = pipeline.UsdPerHour };

        StageReport One(PlanRow row)
        {
            var stage = row.Stage;
            if (row.Action is PlanAction.Skip or PlanAction.UseExisting)
            {
                logged.Info($"{stage.Key}: {row.Why}");
                return new(stage, row.Action == PlanAction.Skip ? RunStatus.Skipped : RunStatus.Existing);
            }
            var lost = stage.Needs.FirstOrDefault(need => !artifacts.ContainsKey(need));
            var reason = cancel.IsCancellationRequested ? "the run was cancelled"
                : lost is null ? null
                : $"it needs '{lost}', which {(ended[lost].Status == RunStatus.Failed ? "failed" : "did not run")}";
            if (reason is not null)
            {
                logged.Warn($"{stage.Key}: not run: {reason}");
                return new(stage, RunStatus.NotRun) { Error = reason };
            }
            var context = pipeline.Context(stage, options.Root, folder.Path) with
            {
                Inputs = [.. stage.Needs.Select(need => artifacts[need]), .. stage.Given],
                StartsAnew = row.StartsAnew,
                Progress = options.Jobs == 1 ? logged : new NamedProgress(logged, stage.Key),
                Cancel = cancel,
            };
            var started = time.GetUtcNow();
            if (Reused(memory, row, context, time, out var verdict) is { } found)
            {
                var reused = Hide(found, pipeline.Environment);
                timings.Append(folder.Id, pipeline.Name, reused, started);
                Tell(reused, logged, folder.Log, pipeline.Environment);
                return reused;
            }
            logged.Info($"{stage.Key}: {verdict.Why}");
            logged.Info($"{stage.Key}: started (uses {stage.Kind.Uses})");
            var output = (string line) => folder.Log.Write("out", pipeline.Environment.Hide($"{stage.Key}: {line}"));
            var report = Hide(Attempt(stage, context, options.Executor, output, time), pipeline.Environment);
            report = Hide(Recorded(memory, verdict, report with { Why = verdict.Why }), pipeline.Environment);
            report = report with { Usd = report.WallSeconds / 3600 * pipeline.UsdPerHour };   // a machine is paid by the clock on the wall
            timings.Append(folder.Id, pipeline.Name, report, started);
            Tell(report, logged, folder.Log, pipeline.Environment);
            return report;
        }
    }

    /// <summary>Removes what killed runs, or killed stages of this one, were building beside the results; what others are building stays.</summary>
    private static void Sweep(PipelineDefinition pipeline, string root)
    {
        var parents = pipeline.Stages.Select(stage => PipelinePlan.FolderOf(pipeline, stage, root))
            .Where(folder => !FolderCheck.IsOfRun(folder))
            .Select(folder => Path.GetDirectoryName(Path.Combine(root, folder))).OfType<string>();
        foreach (var parent in parents.Distinct(StringComparer.Ordinal).Where(Directory.Exists))
        {
            AtomicFolder.RemoveLeftovers(parent);
        }
    }

    /// <summary>The report of a stage for which an earlier result stands, or where that cannot be found out; null where it has to run.</summary>
    private static StageReport? Reused(StageMemory memory, PlanRow row, StageContext context, TimeProvider time, out Verdict verdict)
    {
        var (stage, start) = (row.Stage, time.GetTimestamp());
        try
        {
            verdict = memory.Judge(stage, row.Folder, row.Forced);   // anew: the stages before it have made what it depends on
            var folder = stage.Kind.OutputFolder(context, stage.Options);
            if (verdict.Record is not { } record || !memory.Reuse(stage, verdict, folder))
            {
                return null;
            }

            var result = record.Result(stage.Kind.Open(folder));
            return new(stage, RunStatus.Cached) { WallSeconds = time.GetElapsedTime(start).TotalSeconds, Result = result, Why = verdict.Why };
        }
        catch (OperationCanceledException e)
        {
            verdict = new(PlanAction.Run, "cancelled");
            return new(stage, RunStatus.Cancelled) { WallSeconds = time.GetElapsedTime(start).TotalSeconds, Error = "cancelled", Exception = e };
        }
        catch (Exception e) when (e is AirbenchException or IOException or UnauthorizedAccessException)
        {
            verdict = new(PlanAction.Run, e.Message);
            return new(stage, RunStatus.Failed) { WallSeconds = time.GetElapsedTime(start).TotalSeconds, Error = e.Message, Exception = e };
        }
    }

    /// <summary>The report of a stage that ended, after its result was recorded: what ended well fails here where its inputs were changed meanwhile.</summary>
    private static StageReport Recorded(StageMemory memory, Verdict verdict, StageReport report)
    {
        if (report.Status != RunStatus.Ok)
        {
            return report;
        }

        try
        {
            memory.Record(report.Stage, verdict, report.Result!);
            return report;
        }
        catch (OperationCanceledException e)
        {
            return report with { Status = RunStatus.Cancelled, Result = null, Error = "cancelled", Exception = e };
        }
        catch (Exception e) when (e is AirbenchException or IOException or UnauthorizedAccessException)
        {
            return report with { Status = RunStatus.Failed, Result = null, Error = e.Message, Exception = e };
        }
    }

    /// <summary>What a stage reports of itself may hold values of environment variables.</summary>
    private static StageReport Hide(StageReport report, PipelineEnvironment environment) => report with
    {
        Error = report.Error is null ? null : environment.Hide(report.Error),
        Result = report.Result is null ? null : report.Result with { Summary = environment.Hide(report.Result.Summary) },
    };

    private static StageReport Attempt(
        PipelineStage stage, StageContext context, IStageExecutor executor, Action<string> output, TimeProvider time)
    {
        var start = time.GetTimestamp();
        var (result, exception, peak) = executor.Execute(stage, context, output);
        var (status, error) = exception switch
        {
            null => (RunStatus.Ok, null),
            OperationCanceledException when context.Cancel.IsCancellationRequested => (RunStatus.Cancelled, "cancelled"),
            AirbenchException => (RunStatus.Failed, exception.Message),
            IOException or UnauthorizedAccessException => (RunStatus.Failed, FileFailure.Describe(exception)),
            RemoteDefectException remote => (RunStatus.Failed, $"defect: {remote.Type}: {remote.Message}"),
            _ => (RunStatus.Failed, $"defect: {exception.GetType().FullName}: {exception.Message}"),
        };
        return new(stage, status)
        {
            WallSeconds = time.GetElapsedTime(start).TotalSeconds,
            PeakMegabytes = peak,
            Result = result,
            Error = error,
            Exception = exception,
        };
    }

    /// <summary>An error goes to the log alone: the caller shows it from the report, where nothing scrolls it away.</summary>
    private static void Tell(StageReport report, IProgress logged, RunLog log, PipelineEnvironment environment)
    {
        var seconds = report.WallSeconds.ToString("F1", CultureInfo.InvariantCulture);
        switch (report.Status)
        {
            case RunStatus.Ok:
                logged.Info($"{report.Stage.Key}: done in {seconds} s: {report.Result!.Summary}");
                break;
            case RunStatus.Cached:
                logged.Info($"{report.Stage.Key}: {report.Why}: {report.Result!.Summary}");
                break;
            case RunStatus.Cancelled:
                logged.Warn($"{report.Stage.Key}: cancelled after {seconds} s");
                break;
            default:
                log.Write("error", $"{report.Stage.Key}: failed after {seconds} s: {report.Error}");
                log.Write("trace", environment.Hide($"{report.Exception}"));
                break;
        }
    }
}
