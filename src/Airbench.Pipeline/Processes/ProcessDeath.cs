using System.Globalization;
using System.Text;

namespace Airbench.Pipeline;

/// <summary>Says how a process ended that did not come to say it itself, and why that may be.</summary>
internal static class ProcessDeath
{
    private const int SignalBase = 128;   // what .NET, like a shell, adds to the number of the signal
    private const int Interrupt = 2;
    private const int Kill = 9;
    private const string NoCause = "a native library called exit, or the program could not start";

    /// <summary>Numbers of Linux and macOS where they agree.</summary>
    private static readonly Dictionary<int, (string Name, string Cause)> Signals = new()
    {
        [1] = ("SIGHUP", "its terminal was closed"),
        [Interrupt] = ("SIGINT", "it was interrupted"),
        [3] = ("SIGQUIT", "another process or user ended it"),
        [4] = ("SIGILL", "a native library uses an instruction that this CPU does not have; `airbench doctor` shows what it has"),
        [6] = ("SIGABRT", "a native library aborted, or an exception on one of its threads was not handled"),
        [8] = ("SIGFPE", "a division by zero in native code"),
        [Kill] = ("SIGKILL", "another process or user killed it, or the system ran out of memory"),
        [11] = ("SIGSEGV", "a defect in native code: an invalid memory access"),
        [15] = ("SIGTERM", "another process or user ended it"),
        [25] = ("SIGXFSZ", "a file grew past the limit that is set for this process (ulimit -f)"),
    };

    private static readonly (string Name, string Cause) Bus =
        ("SIGBUS", "a file that it reads through memory became shorter, or its disk failed");

    private const int ControlC = unchecked((int)0xC000013A);

    /// <summary>What Windows calls them: NTSTATUS codes.</summary>
    private static readonly Dictionary<int, (string Name, string Cause)> Statuses = new()
    {
        [-1] = ("-1", "another process or user ended it"),
        [ControlC] = ("STATUS_CONTROL_C_EXIT", "it was interrupted"),
        [unchecked((int)0xC0000005)] = ("STATUS_ACCESS_VIOLATION", "a defect in native code: an invalid memory access"),
        [unchecked((int)0xC000001D)] = ("STATUS_ILLEGAL_INSTRUCTION",
            "a native library uses an instruction that this CPU does not have; `airbench doctor` shows what it has"),
        [unchecked((int)0xC0000017)] = ("STATUS_NO_MEMORY", "the system ran out of memory"),
        [unchecked((int)0xC000012D)] = ("STATUS_COMMITMENT_LIMIT", "the system ran out of memory and page file"),
        [unchecked((int)0xC0000094)] = ("STATUS_INTEGER_DIVIDE_BY_ZERO", "a division by zero in native code"),
        [unchecked((int)0xC00000FD)] = ("STATUS_STACK_OVERFLOW", "a defect: the stack is full"),
        [unchecked((int)0xC0000135)] = ("STATUS_DLL_NOT_FOUND", "a library beside the program is missing; `airbench doctor` names it"),
        [unchecked((int)0xC0000409)] = ("STATUS_STACK_BUFFER_OVERRUN", "a native library aborted, or an exception on one of its threads was not handled"),
        [unchecked((int)0xE0434352)] = ("an exception of .NET", "an exception on one of its threads was not handled"),
    };

    /// <summary>Whether Ctrl-C ended it.</summary>
    public static bool IsInterrupt(int exitCode) => exitCode == (OperatingSystem.IsWindows() ? ControlC : SignalBase + Interrupt);

    /// <summary>"its process was killed by signal 9 (SIGKILL). Likely cause: ...", and the last lines that it printed.</summary>
    public static string Explain(int exitCode, MemoryWatch memory, LastLines lastLines)
    {
        var (end, cause) = OperatingSystem.IsWindows() ? DescribeStatus(exitCode) : Describe(exitCode);
        if (exitCode == SignalBase + Kill)
        {
            cause = memory.Verdict() ?? cause;
        }
        var text = new StringBuilder($"its process {end}. Likely cause: {cause}");
        if (memory.PeakMegabytes is { } peak)
        {
            text.Append(CultureInfo.InvariantCulture, $". It had up to {peak:N0} MiB of memory");
        }
        var lines = lastLines.ToArray();
        text.Append(lines.Length == 0 ? ". It printed nothing" : ". Last lines that it printed:");
        foreach (var line in lines)
        {
            text.Append("\n  ").Append(line);
        }
        return text.ToString();
    }

    /// <summary>An exit code of Windows in words.</summary>
    internal static (string End, string Cause) DescribeStatus(int exitCode) =>
        Statuses.TryGetValue(exitCode, out var known)
            ? (FormattableString.Invariant($"ended with exit code 0x{exitCode:X8} ({known.Name})"), known.Cause)
            : (FormattableString.Invariant($"ended with exit code 0x{exitCode:X8} and no message"), NoCause);

    private static (string End, string Cause) Describe(int exitCode)
    {
        if (exitCode > SignalBase)
        {
            var signal = exitCode - SignalBase;
            var bus = OperatingSystem.IsMacOS() ? 10 : 7;
            var (name, cause) = signal == bus ? Bus : Signals.GetValueOrDefault(signal, ("no name known", "unknown"));
            return (FormattableString.Invariant($"was ended by signal {signal} ({name})"), cause);
        }
        return (FormattableString.Invariant($"ended with exit code {exitCode} and no message"), NoCause);
    }
}

/// <summary>The last lines that a process printed.</summary>
internal sealed class LastLines
{
    private const int Count = 12;

    private readonly Lock _lock = new();
    private readonly Queue<string> _lines = [];

    public void Add(string line)
    {
        lock (_lock)
        {
            _lines.Enqueue(line);
            if (_lines.Count > Count)
            {
                _lines.Dequeue();
            }
        }
    }

    public string[] ToArray()
    {
        lock (_lock)
        {
            return [.. _lines];
        }
    }
}
