using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Airbench.Cli;

/// <summary>
/// Ctrl-C and SIGTERM: the first asks the work to stop, a second ends the process at once. A verb that runs stages waits for these, as a
/// training finishes its step; any other ends within two seconds, even in a read that no token reaches.
/// </summary>
internal sealed class Interrupt : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1.5);

    private readonly CancellationTokenSource _source = new();
    private readonly bool _runsStages;
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;

    public Interrupt(Command command)
    {
        _runsStages = command.Options.Any(option => option.Name == ExecutionArguments.InProcess);
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
    }

    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
        _source.Dispose();
    }

    private void Stop(PosixSignalContext context)
    {
        if (_source.IsCancellationRequested)
        {
            Environment.Exit(ExitCode.Interrupted);
        }
        context.Cancel = true;
        Console.Error.WriteLine(_runsStages ? "stopping after this step; once more to stop at once" : "stopping");
        if (!_runsStages)
        {
            new Thread(EndSoon) { IsBackground = true, Name = "end" }.Start();
        }
        _source.Cancel();
    }

    /// <summary>Results are whole or not there, whenever this happens.</summary>
    private static void EndSoon()
    {
        Thread.Sleep(Patience);
        Console.Error.WriteLine("interrupted; earlier results are unchanged");
        new Thread(() => Environment.Exit(ExitCode.Interrupted)) { IsBackground = true }.Start();
        Thread.Sleep(TimeSpan.FromSeconds(0.3));
        Process.GetCurrentProcess().Kill();   // native code that does not let the process exit
    }
}
