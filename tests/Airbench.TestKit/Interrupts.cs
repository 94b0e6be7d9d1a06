using System.Globalization;

namespace Airbench.Tests;

/// <summary>Whether a test can interrupt the processes that it starts.</summary>
internal static class Interrupts
{
    private const ulong SigInt = 1UL << (2 - 1);

    /// <summary>
    /// Skips where signals are not sent with kill, or where SIGINT is ignored, as in a script's background job: every process started from here inherits
    /// that, and .NET respects it.
    /// </summary>
    public static void SkipWhereImpossible()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are sent with kill");
        if (OperatingSystem.IsLinux())
        {
            var ignored = File.ReadLines("/proc/self/status").Single(line => line.StartsWith("SigIgn:", StringComparison.Ordinal));
            Assert.SkipWhen(
                (ulong.Parse(ignored["SigIgn:".Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) & SigInt) != 0,
                "SIGINT is ignored here: the tests run in the background of a shell");
        }
    }
}
