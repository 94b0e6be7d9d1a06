using System.Globalization;
using System.Runtime.InteropServices;
using Airbench;
using Airbench.FaultHost;
using Airbench.Pipeline;

// A program like airbench, but with stages that take milliseconds: so that tests can kill it a hundred times.
//   FaultHost <root> <pipeline.yaml> [--in-process] [--no-wait] [--from S] [--jobs N] [--cache-bytes N] [--set k=v]...
if (StageHost.IsAsked(args))
{
    return StageHost.Run(args, FastStages.All);
}

using var cancel = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal =>
{
    signal.Cancel = true;
    if (cancel.IsCancellationRequested)
    {
        Environment.Exit(130);
    }
    cancel.Cancel();
});
try
{
    var sets = args.Index().Where(argument => argument.Index > 0 && args[argument.Index - 1] == "--set").Select(argument => argument.Item).ToList();
    var from = Array.IndexOf(args, "--from") is > 0 and var at ? args[at + 1] : null;
    IReadOnlyList<string> program = [Environment.ProcessPath!, "exec", typeof(FastStages).Assembly.Location];
    var options = new RunOptions
    {
        Root = args[0],
        From = from,
        CacheBytes = Array.IndexOf(args, "--cache-bytes") is > 0 and var bytes ? long.Parse(args[bytes + 1], CultureInfo.InvariantCulture) : 1 << 30,
        Wait = !args.Contains("--no-wait"),
        Jobs = Array.IndexOf(args, "--jobs") is > 0 and var jobs ? int.Parse(args[jobs + 1], CultureInfo.InvariantCulture) : 1,
        Executor = args.Contains("--in-process") ? new InProcessExecutor() : new ProcessExecutor(program),
    };
    var report = PipelineRunner.Run(
        PipelineFile.Load(args[1], FastStages.All, sets), options, new ConsoleProgress(), TimeProvider.System, cancel.Token);
    foreach (var stage in report.Stages.Where(stage => stage.Error is not null))
    {
        Console.Error.WriteLine($"{stage.Stage.Key} {stage.Status}: {stage.Error}");
    }
    return report.Status switch { RunStatus.Ok => 0, RunStatus.Cancelled => 130, _ => 1 };
}
catch (Exception e) when (e is AirbenchException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine(e.Message);
    return (e as AirbenchException)?.ExitCode ?? 1;
}
catch (OperationCanceledException)
{
    return 130;
}
