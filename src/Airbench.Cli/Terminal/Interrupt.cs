using System.Runtime.InteropServices;

namespace Airbench.Cli;

/// <summary>Ctrl-C and SIGTERM: the first asks the work to stop after the current step, a second Ctrl-C ends the process at once.</summary>
internal sealed class Interrupt : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;

    public Interrupt()
    {
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
        if (!_source.IsCancellationRequested)
        {
            context.Cancel = true;
            Console.Error.WriteLine("stopping after this step; once more to stop at once");
            _source.Cancel();
        }
        else
        {
            Environment.Exit(ExitCode.Interrupted);
        }
    }
}
