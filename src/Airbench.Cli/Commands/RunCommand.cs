using System.CommandLine;
using Airbench.Data;
using Airbench.Pipeline;
using Airbench.Report;

namespace Airbench.Cli;

/// <summary><c>airbench run</c>: the whole pipeline.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var arguments = new PipelineArguments();
        var quiet = new Option<bool>("--quiet") { Description = "Print only warnings and errors." };
        var execution = new ExecutionArguments();
        var command = new Command("run", "Run a pipeline: prepare, train, export, evaluate.") { quiet };
        arguments.AddTo(command, withSelection: true);
        execution.AddTo(command, withJobs: true);
        command.SetAction((parsed, cancel) => Task.FromResult(Run(
            arguments.Load(parsed), execution.Apply(arguments.Options(parsed), parsed), parsed.GetValue(quiet),
            parsed.GetValue<bool>(CommandLine.Verbose), cancel)));
        return command;
    }

    /// <summary>Runs, prints the summary, and says by the exit code how it ended.</summary>
    public static int Run(PipelineDefinition pipeline, RunOptions options, bool quiet, bool verbose, CancellationToken cancel)
    {
        var report = PipelineRunner.Run(pipeline, options, Screen.Progress(quiet), TimeProvider.System, cancel);
        var page = Report(pipeline, options, report, verbose);
        if (!quiet)
        {
            Screen.Summary(report, page);
        }
        foreach (var stage in report.Stages.Where(stage => stage.Status == RunStatus.Failed))
        {
            Console.Error.WriteLine($"{stage.Stage.Key} failed: {(verbose ? pipeline.Environment.Below(options.Root).Hide($"{stage.Exception}") : Quote.Lines(stage.Error ?? ""))}");
        }
        if (report.Status == RunStatus.Cancelled)
        {
            Console.Error.WriteLine("interrupted; the same command goes on from here: finished stages are reused, and training resumes from its last checkpoint");
        }
        return report.Status switch
        {
            RunStatus.Ok => ExitCode.Done,
            RunStatus.Cancelled => ExitCode.Interrupted,
            _ => report.Stages.Select(stage => stage.Exception).OfType<AirbenchException>().FirstOrDefault()?.ExitCode ?? ExitCode.Failed,
        };
    }

    /// <summary>Writes run.json and report.html, however the run ended; returns the page's path.</summary>
    private static string? Report(PipelineDefinition pipeline, RunOptions options, RunReport report, bool verbose)
    {
        try
        {
            RunRecorder.Write(pipeline, options.Root, report);
            var page = RunPage.Write(report.RunFolder, new ImagePicker());
            if (pipeline.Tracking.Contains(Tracker.Tensorboard))
            {
                TensorBoardFiles.Write(report.RunFolder);
            }
            return page;
        }
#pragma warning disable CA1031 // results that took hours are not lost to a page about them
        catch (Exception e)
#pragma warning restore CA1031
        {
            Console.Error.WriteLine($"warning: {RunPage.FileName} could not be written: {(verbose ? e : e.Message)}");
            return null;
        }
    }
}
