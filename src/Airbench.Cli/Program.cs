using System.CommandLine;
using Airbench;
using Airbench.Cli;
using Airbench.Pipeline;

using var console = new Utf8Console();
if (StageHost.IsAsked(args))
{
    return StageHost.Run(args, Stages.All);
}

var parsed = CommandLine.Create().Parse(args.Length == 0 ? ["--help"] : args);   // a name alone asks what there is
if (parsed.Errors.Count > 0)
{
    foreach (var problem in Usage.Problems(parsed))
    {
        Console.Error.WriteLine(problem);
    }
    Console.Error.WriteLine(Usage.Help(parsed));
    return ExitCode.BadUsage;
}

using var interrupt = new Interrupt(parsed.CommandResult.Command, ProcessEnd.Real);
try
{
    // The library's own handling of Ctrl-C and of exceptions is off: a step of training may take seconds to end, and errors are ours to word.
    return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, interrupt.Token);
}
catch (AirbenchException e)
{
    Console.Error.WriteLine(parsed.GetValue<bool>(CommandLine.Verbose) ? e.ToString() : e.Message);
    return e.ExitCode;
}
catch (OperationCanceledException) when (interrupt.Token.IsCancellationRequested)
{
    Console.Error.WriteLine("interrupted; earlier results are unchanged");
    return ExitCode.Interrupted;
}
catch (Exception e) when (e is IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine(parsed.GetValue<bool>(CommandLine.Verbose) ? e.ToString() : Quote.Lines(e.Message));   // disk full, read-only target and the like name the path
    return ExitCode.Failed;
}
