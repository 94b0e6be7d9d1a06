using System.Globalization;
using Airbench.Pipeline.Internal;

namespace Airbench.Pipeline;

/// <summary>Runs the stages of a pipeline one after another and keeps the record of it in the run's folder.</summary>
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
        using var locks = FolderLocks.Take(pipeline, options, progress, time, cancel);   // before a look at what earlier runs left
        var plan = PipelinePlan.Make(pipeline, options);
        using var folder = RunFolder.Create(options.Root, pipeline.Name, time);
        AtomicFolder.WriteFile(Path.Combine(folder.Path, RunFolder.ResolvedName), ResolvedYaml.Write(pipeline));
        using var timings = new TimingsFile(Path.Combine(folder.Path, TimingsFile.Name));
        var logged = new LoggedProgress(progress, folder.Log);
        var running = plan.Rows.Where(r => r.Action == PlanAction.Run).Select(r => r.Stage.Key);
        logged.Info($"run {Path.GetRelativePath(options.Root, folder.Path)}: {string.Join(", ", running)}");

        var artifacts = new Dictionary<string, Artifact>(StringComparer.Ordinal);
        var reports = new List<StageReport>();
        foreach (var row in plan.Rows)
        {
            var report = One(row, reports);
            reports.Add(report);
            if ((report.Result?.Artifact ?? row.Existing) is { } artifact)
                artifacts.Add(row.Stage.Key, artifact);
        }
        var unfinished = reports.Any(r => r.Status is RunStatus.Cancelled or RunStatus.NotRun);
        var status = cancel.IsCancellationRequested && unfinished ? RunStatus.Cancelled
            : reports.Any(r => r.Status == RunStatus.Failed) ? RunStatus.Failed
            : RunStatus.Ok;
        folder.Log.Write("info", $"run {folder.Id} ended: {status.ToString().ToLowerInvariant()}");
        return new RunReport { RunId = folder.Id, RunFolder = folder.Path, Stages = reports, Status = status, UsdPerHour = pipeline.UsdPerHour };

        StageReport One(PlanRow row, IReadOnlyList<StageReport> earlier)
        {
            var stage = row.Stage;
            if (row.Action != PlanAction.Run)
            {
                logged.Info($"{stage.Key}: {row.Why}");
                return new(stage, row.Action == PlanAction.Skip ? RunStatus.Skipped : RunStatus.Existing);
            }
            var lost = earlier.FirstOrDefault(r => stage.Needs.Contains(r.Stage.Key) && !artifacts.ContainsKey(r.Stage.Key));
            var reason = cancel.IsCancellationRequested ? "the run was cancelled"
                : lost is null ? null
                : $"it needs '{lost.Stage.Key}', which {(lost.Status == RunStatus.Failed ? "failed" : "did not run")}";
            if (reason is not null)
            {
                logged.Warn($"{stage.Key}: not run: {reason}");
                return new(stage, RunStatus.NotRun) { Error = reason };
            }
            var context = pipeline.Context(stage, options.Root, folder.Path) with
            {
                Inputs = [.. stage.Needs.Select(need => artifacts[need]), .. stage.Given],
                Progress = logged,
                Cancel = cancel,
            };
            var started = time.GetUtcNow();
            var report = Attempt(stage, context, options.Executor, line => folder.Log.Write("out", $"{stage.Key}: {line}"), time);
            report = report with { Usd = report.WallSeconds / 3600 * pipeline.UsdPerHour };   // a machine is paid by the clock on the wall
            timings.Append(folder.Id, pipeline.Name, report, started);
            Tell(report, logged, folder.Log);
            return report;
        }
    }

    private static StageReport Attempt(
        PipelineStage stage, StageContext context, IStageExecutor executor, Action<string> output, TimeProvider time)
    {
        context.Progress.Info($"{stage.Key}: started (uses {stage.Kind.Uses})");
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
    private static void Tell(StageReport report, LoggedProgress logged, RunLog log)
    {
        var seconds = report.WallSeconds.ToString("F1", CultureInfo.InvariantCulture);
        switch (report.Status)
        {
            case RunStatus.Ok:
                logged.Info($"{report.Stage.Key}: done in {seconds} s: {report.Result!.Summary}");
                break;
            case RunStatus.Cancelled:
                logged.Warn($"{report.Stage.Key}: cancelled after {seconds} s");
                break;
            default:
                log.Write("error", $"{report.Stage.Key}: failed after {seconds} s: {report.Error}");
                log.Write("trace", $"{report.Exception}");
                break;
        }
    }
}
