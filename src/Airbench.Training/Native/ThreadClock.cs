using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Airbench.Training;

/// <summary>The time that the calling thread has spent on a core; what other programs spend there does not count.</summary>
internal static class ThreadClock
{
    private const int ThreadCpuTime = 3;   // CLOCK_THREAD_CPUTIME_ID

    /// <summary>Since the thread started.</summary>
    /// <exception cref="PlatformNotSupportedException">The system has no such clock, or it is not Linux.</exception>
    public static TimeSpan Now => OperatingSystem.IsLinux() && clock_gettime(ThreadCpuTime, out var time) == 0
        ? new TimeSpan((time.Seconds * TimeSpan.TicksPerSecond) + (time.Nanoseconds / TimeSpan.NanosecondsPerTick))
        : throw new PlatformNotSupportedException("the clock of a thread's CPU time cannot be read");

    [StructLayout(LayoutKind.Sequential)]
    private struct Time
    {
        public nint Seconds;
        public nint Nanoseconds;
    }

#pragma warning disable SYSLIB1054, IDE1006 // a libc name; blittable arguments
    [DllImport("libc")]
    [SupportedOSPlatform("linux")]
    private static extern int clock_gettime(int clock, out Time time);
#pragma warning restore SYSLIB1054, IDE1006
}
