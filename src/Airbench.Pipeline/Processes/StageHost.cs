using System.Diagnostics;
using System.IO.Pipes;
using System.Runtime.InteropServices;

namespace Airbench.Pipeline;

/// <summary>
/// The process of one stage, seen from inside: reads what to do from standard input, does it, and tells what happens through a pipe of
/// its own, so that what native libraries print cannot get between. <see cref="ProcessExecutor"/> is the other end.
/// </summary>
public static class StageHost
{
    /// <summary>First argument of a program that is to be the process of a stage; the pipe's handle comes second.</summary>
    public const string Verb = "stage-host";

    /// <summary>How long a stage may take that was told to stop and finishes no step; the pipeline's own process needs the rest of two seconds.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>Whether a program was started as the process of a stage.</summary>
    public static bool IsAsked(IReadOnlyList<string> arguments) => arguments is [Verb, _];

    /// <summary>Does the stage. Ends with the process that started it, however that ends.</summary>
    /// <param name="arguments">Those of the program: <see cref="Verb"/> and the pipe's handle.</param>
    /// <param name="kinds">Every kind of stage.</param>
    /// <returns>The exit code; how the stage ended went through the pipe.</returns>
    public static int Run(IReadOnlyList<string> arguments, IReadOnlyList<IStage> kinds)
    {
        using var cancel = new CancellationTokenSource();
        // Ctrl-C in a terminal reaches every process in the foreground; what it means is for the process that runs the pipeline to say.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            cancel.Cancel();
        });
        using var events = new StageEventWriter(new AnonymousPipeClientStream(PipeDirection.Out, arguments[1]));
        using var input = new StreamReader(Console.OpenStandardInput());
        if (input.ReadLine() is not { } request)
        {
            return 1;   // whoever started this process is gone
        }
        new Thread(() => Listen(input, cancel)) { IsBackground = true, Name = "parent" }.Start();
        events.Write(Execute(StageMessages.ReadRequest(request), kinds, events, cancel.Token));
        return 0;
    }

    private static StageEvent Execute(StageRequest request, IReadOnlyList<IStage> kinds, StageEventWriter events, CancellationToken cancel)
    {
        try
        {
            if (request.Version != Product.Version)
            {
                throw new ConfigurationException(
                    $"the program was replaced while it ran: found {Product.Version}; expected {request.Version}. Run again");
            }
            var kind = kinds.Single(k => k.Uses == request.Uses);
            using var impatience = kind.FinishesStep ? default : cancel.Register(() => EndSoon(events, cancel));
            var context = StageData.ToContext(request.Context, kinds, new RemoteProgress(events), cancel);
            var result = InProcessExecutor.Work(kind, context, StageData.ToOptions(kind, request.Options));
            return new ResultEvent(StageData.Of(result), PeakMemory.Megabytes());
        }
#pragma warning disable CA1031 // whatever it is, the process that runs the pipeline has to know
        catch (Exception e)
#pragma warning restore CA1031
        {
            return new FaultEvent(FaultData.Of(e), PeakMemory.Megabytes());
        }
    }

    /// <summary>
    /// A call of native code, or a read from a disk that does not answer, heeds no token. Artifacts are whole or not there, whenever this happens.
    /// </summary>
    private static void EndSoon(StageEventWriter events, CancellationToken cancel)
    {
        var thread = new Thread(() =>
        {
            Thread.Sleep(Patience);
            events.Write(new FaultEvent(FaultData.Of(new OperationCanceledException(cancel)), PeakMemory.Megabytes()));
            Process.GetCurrentProcess().Kill();
        })
        {
            IsBackground = true,
            Name = "end",
        };
        thread.Start();
    }

    /// <summary>Waits for the wish to stop, and for the end of the process that started this one, with which this one ends at once.</summary>
    private static void Listen(StreamReader input, CancellationTokenSource cancel)
    {
        while (input.ReadLine() is { } line)
        {
            if (line == StageMessages.Cancel)
            {
                cancel.Cancel();
            }
        }
        // Not Environment.Exit, which waits for native code. Artifacts are whole or not there, whenever this happens.
        Process.GetCurrentProcess().Kill();
    }
}
