using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Airbench;

/// <summary>Waits until the disk has it: a rename that survives a power cut needs the files, their folder and the parent's entry.</summary>
internal static class FlushToDisk
{
    private static readonly int ReadOnly = OperatingSystem.IsLinux() ? 0x80000 : 0;   // O_RDONLY, with O_CLOEXEC where its number is known
    private const int InvalidArgument = 22;   // EINVAL, the same on Linux and macOS

    /// <summary>The bytes of a file.</summary>
    public static void File(string path)
    {
        using var handle = System.IO.File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.FlushToDisk(handle);
    }

    /// <summary>The names in a folder. Windows keeps no such promise to programs and needs no call.</summary>
    public static void Folder(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }
        var folder = open(path, ReadOnly);
        if (folder < 0)
        {
            throw Error("open");
        }
        var failed = fsync(folder) != 0 && Marshal.GetLastPInvokeError() != InvalidArgument;   // EINVAL: a file system without it
        var error = failed ? Error("fsync") : null;
        _ = close(folder);
        if (error is not null)
        {
            throw error;
        }

        IOException Error(string call) => new($"{path}: {call}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
    }

#pragma warning disable CA2101, SYSLIB1054, IDE1006 // libc names; UTF-8 marshalling is stated
    [UnsupportedOSPlatform("windows")]
    [DllImport("libc", SetLastError = true)]
    private static extern int open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [UnsupportedOSPlatform("windows")]
    [DllImport("libc", SetLastError = true)]
    private static extern int fsync(int file);

    [UnsupportedOSPlatform("windows")]
    [DllImport("libc")]
    private static extern int close(int file);
#pragma warning restore CA2101, SYSLIB1054, IDE1006
}
