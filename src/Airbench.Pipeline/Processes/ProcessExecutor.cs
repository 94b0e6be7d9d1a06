using System.Diagnostics;
using System.IO.Pipes;
using System.Text;

namespace Airbench.Pipeline;

/// <summary>
/// Executes every stage in a process of its own: libtorch and ONNX Runtime never share one, memory returns to the system when a stage
/// ends, and a native crash or the out-of-memory killer ends one stage and not the run.
/// </summary>
/// <param name="program">The program and its first arguments; <see cref="StageHost.Verb"/> and a handle are added. It has to call
/// <see cref="StageHost.Run"/> with the kinds of stages that the pipeline uses.</param>
public sealed class ProcessExecutor(IReadOnlyList<string> program) : IStageExecutor
{
    private const int ExitSeconds = 20;

    /// <summary>The pipe's far end can be inherited from its making to its closing here: by one process, not by two that start at once.</summary>
    private static readonly Lock Starting = new();

    /// <inheritdoc/>
    public StageOutcome Execute(PipelineStage stage, StageContext context, Action<string> output)
    {
        if (context.Cancel.IsCancellationRequested)
        {
            return new(null, new OperationCanceledException(context.Cancel), null);
        }
        var lastLines = new LastLines();
        using var process = new Process { StartInfo = new ProcessStartInfo(program[0]) };
        (process.StartInfo.RedirectStandardInput, process.StartInfo.RedirectStandardOutput, process.StartInfo.RedirectStandardError) = (true, true, true);
        (process.StartInfo.StandardOutputEncoding, process.StartInfo.StandardErrorEncoding) = (Encoding.UTF8, Encoding.UTF8);   // on Windows it is not by default
        process.StartInfo.StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        process.OutputDataReceived += (_, line) => Print(line.Data);
        process.ErrorDataReceived += (_, line) => Print(line.Data);
        using var events = new AnonymousPipeServerStream(PipeDirection.In, HandleInheritability.Inheritable);
        using var memory = new MemoryWatch();
        try
        {
            Start(process, events);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return new(null, new StageProcessException($"its process cannot be started: {program[0]}: {e.Message}; use --in-process to run without one"), null);
        }
        var isOver = false;
        try
        {
            memory.Watch(process);
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            Send(process, StageMessages.Write(StageData.Of(stage, context)));
            StageEvent? last;
            using (context.Cancel.Register(() => Send(process, StageMessages.Cancel)))
            {
                last = Listen(events, context.Progress);
            }
            isOver = true;
            WaitForExit(process, last);
            return Outcome(stage, context, last, process.ExitCode, memory, lastLines);
        }
#pragma warning disable CA1031 // the caller records whatever went wrong, here as in the stage
        catch (Exception e)
#pragma warning restore CA1031
        {
            return new(null, e, memory.PeakMegabytes);
        }
        finally
        {
            if (!isOver && !process.HasExited)
            {
                process.Kill();   // an error here, such as a log that cannot be written, must not leave it working
                process.WaitForExit();
            }
        }

        void Print(string? line)
        {
            if (line is not null)
            {
                lastLines.Add(line);
                output(line);
            }
        }
    }

    private void Start(Process process, AnonymousPipeServerStream events)
    {
        lock (Starting)
        {
            foreach (var argument in (IEnumerable<string>)[.. program.Skip(1), StageHost.Verb, events.GetClientHandleAsString()])
            {
                process.StartInfo.ArgumentList.Add(argument);
            }
            process.Start();
            events.DisposeLocalCopyOfClientHandle();
        }
    }

    /// <summary>Shows events until the pipe ends; the last one says how the stage ended, if the process came to say it.</summary>
    private static StageEvent? Listen(Stream events, IProgress progress)
    {
        using var relay = new RelayedProgress(progress);
        using var lines = new StreamReader(events);
        StageEvent? last = null;
        while (lines.ReadLine() is { } line)
        {
            try
            {
                last = StageMessages.ReadEvent(line);
            }
            catch (System.Text.Json.JsonException) when (lines.Peek() < 0)
            {
                return null;   // killed in the middle of a line
            }
            relay.Show(last);
        }
        return last;
    }

    private static void WaitForExit(Process process, StageEvent? last)
    {
        if (last is ResultEvent or FaultEvent && !process.WaitForExit(TimeSpan.FromSeconds(ExitSeconds)))
        {
            process.Kill();   // all is done and said: a native library does not find its end
        }
        process.WaitForExit();   // and for the last lines of its output
    }

    private static StageOutcome Outcome(
        PipelineStage stage, StageContext context, StageEvent? last, int exitCode, MemoryWatch memory, LastLines lastLines)
    {
        switch (last)
        {
            case ResultEvent { Result: var result, PeakMegabytes: var peak }:
                return new(StageData.ToResult(stage.Kind, result), null, peak);
            case FaultEvent { Fault: var fault, PeakMegabytes: var peak }:
                return new(null, fault.ToException(), peak);
        }
        // Ctrl-C reaches a process that is still starting before it can turn a deaf ear: then the run is being cancelled too, or will be at once.
        if (ProcessDeath.IsInterrupt(exitCode) && context.Cancel.WaitHandle.WaitOne(TimeSpan.FromSeconds(1)))
        {
            return new(null, new OperationCanceledException(context.Cancel), memory.PeakMegabytes);
        }
        return new(null, new StageProcessException(ProcessDeath.Explain(exitCode, memory, lastLines)), memory.PeakMegabytes);
    }

    /// <summary>Nothing to tell a process that is no more.</summary>
    private static void Send(Process process, string line)
    {
        try
        {
            process.StandardInput.WriteLine(line);
            process.StandardInput.Flush();
        }
        catch (IOException)
        {
            // its death is noticed where its events end
        }
    }
}
