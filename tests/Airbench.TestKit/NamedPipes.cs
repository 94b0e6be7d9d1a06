using System.Runtime.InteropServices;

namespace Airbench.Tests;

/// <summary>Named pipes, which whoever opens them waits at.</summary>
internal static class NamedPipes
{
    /// <summary>Makes one at <paramref name="path"/>; skips the test where the system has none.</summary>
    public static string Make(string path)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no named pipes in folders");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        Assert.Equal(0, mkfifo(path, Convert.ToUInt32("600", 8)));
        return path;
    }

#pragma warning disable CA2101, SYSLIB1054, IDE1006 // a libc name; UTF-8 marshalling is stated
    [DllImport("libc")]
    private static extern int mkfifo([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint mode);
#pragma warning restore CA2101, SYSLIB1054, IDE1006
}
