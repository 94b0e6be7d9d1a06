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
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(0.3);

    private readonly CancellationTokenSource _source = new();
    private readonly ProcessEnd _end;
    private readonly bool _runsStages;
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;

    /// <param name="command">The verb that runs.</param>
    /// <param name="end">How the process ends.</param>
    public Interrupt(Command command, ProcessEnd end)
    {
        _end = end;
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

    /// <summary>What a signal does.</summary>
    internal void Stop(PosixSignalContext context)
    {
        if (_source.IsCancellationRequested)
        {
            _end.Exit(ExitCode.Interrupted);
        }
        context.Cancel = true;
        Console.Error.WriteLine(_runsStages ? "stopping after this step; once more to stop at once" : "stopping");
        if (!_runsStages)
        {
            _end.Start(EndSoon);
        }
        _source.Cancel();
    }

    /// <summary>Results are whole or not there, whenever this happens.</summary>
    private void EndSoon()
    {
        _end.Wait(Patience);
        Console.Error.WriteLine("interrupted; earlier results are unchanged");
        _end.Start(() => _end.Exit(ExitCode.Interrupted));
        _end.Wait(Grace);
        _end.Kill();   // native code that does not let the process exit
    }
}

/// <summary>How a process ends.</summary>
/// <param name="Start">Begins work beside whatever hangs.</param>
/// <param name="Wait">Lets time pass.</param>
/// <param name="Exit">Ends the process in order, with an exit code.</param>
/// <param name="Kill">Ends it whatever it does.</param>
internal sealed record ProcessEnd(Action<Action> Start, Action<TimeSpan> Wait, Action<int> Exit, Action Kill)
{
    /// <summary>Of this process; on threads of its own, as those of the pool may all hang.</summary>
    public static ProcessEnd Real { get; } = new(
        work => new Thread(() => work()) { IsBackground = true, Name = "end" }.Start(), Thread.Sleep, Environment.Exit, () => Process.GetCurrentProcess().Kill());
}
