using System.Diagnostics;
using System.Globalization;

namespace Airbench.Pipeline;

/// <summary>
/// The process's high-water mark of resident memory. On Linux the kernel lets a process reset its own mark, so that the mark
/// is a stage's; where that is not possible it is the largest since the process started, earlier stages included.
/// </summary>
internal static class PeakMemory
{
    private const string ClearRefs = "/proc/self/clear_refs";   // proc(5): writing 5 resets VmHWM

    /// <summary>Starts a new mark where the system can.</summary>
    public static void Reset()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        try
        {
            File.WriteAllText(ClearRefs, "5");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // a sandbox may withhold the file: the mark then stays that of the whole process
        }
    }

    /// <summary>The mark in MiB; null where the system tells nothing.</summary>
    public static long? Megabytes()
    {
        if (OperatingSystem.IsLinux())
        {
            return Megabytes("self");
        }

        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64 > 0 ? process.PeakWorkingSet64 / (1024 * 1024) : null;
    }

    /// <summary>The mark of another process on Linux, in MiB; null where it ended.</summary>
    public static long? Megabytes(int process) => Megabytes(process.ToString(CultureInfo.InvariantCulture));

    private static long? Megabytes(string process)
    {
        const string Key = "VmHWM:";   // "VmHWM:    123456 kB"
        try
        {
            var line = File.ReadLines($"/proc/{process}/status").FirstOrDefault(l => l.StartsWith(Key, StringComparison.Ordinal));
            var kilobytes = line?[Key.Length..].Replace("kB", "", StringComparison.Ordinal);
            return kilobytes is null ? null : long.Parse(kilobytes, CultureInfo.InvariantCulture) / 1024;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
