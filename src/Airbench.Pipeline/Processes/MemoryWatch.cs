using System.Diagnostics;
using System.Globalization;

namespace Airbench.Pipeline;

/// <summary>
/// Memory of a process from outside, for the case that it does not live to tell: the most it had resident at any look, and whether the
/// kernel's out-of-memory killer struck while it lived.
/// </summary>
internal sealed class MemoryWatch : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private readonly long? _killsBefore = OomKills();
    private Timer? _timer;
    private long _peak = -1;

    /// <summary>MiB; null where nothing was seen.</summary>
    public long? PeakMegabytes => Volatile.Read(ref _peak) is >= 0 and var peak ? peak : null;

    public void Watch(Process process)
    {
        if (OperatingSystem.IsLinux())
        {
            var id = process.Id;
            _timer = new Timer(_ => Look(id), null, TimeSpan.Zero, Interval);
        }
    }

    /// <summary>Why a process that was killed by SIGKILL may have been; null where nothing points to memory.</summary>
    public string? Verdict()
    {
        const string Remedy = "Give the stage less to do at once (a smaller batch_size, fewer images), or the machine or container more memory";
        return OomKills() > _killsBefore
            ? $"out of memory: the kernel's out-of-memory killer ended a process in the meantime. {Remedy}"
            : null;
    }

    public void Dispose() => _timer?.Dispose();

    private void Look(int process)
    {
        // Only ever grows, so that a look at a process that is being taken apart does no harm.
        if (PeakMemory.Megabytes(process) is { } peak && peak > Volatile.Read(ref _peak))
        {
            Volatile.Write(ref _peak, peak);
        }
    }

    /// <summary>How often the killer struck since the system started; containers see the count of the machine. Null where nobody counts.</summary>
    private static long? OomKills()
    {
        const string Key = "oom_kill ";   // proc(5), vmstat, since Linux 4.13
        try
        {
            var line = File.ReadLines("/proc/vmstat").FirstOrDefault(l => l.StartsWith(Key, StringComparison.Ordinal));
            return line is null ? null : long.Parse(line[Key.Length..], CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
