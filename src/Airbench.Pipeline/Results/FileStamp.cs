using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Airbench.Pipeline;

/// <summary>What tells, without reading a file, that it is the one it was: any write changes one of these.</summary>
/// <param name="Size">Bytes.</param>
/// <param name="Modified">Last write, nanoseconds since 1970.</param>
/// <param name="Changed">Last change of content or attributes, nanoseconds since 1970, which no program can set back; 0 where the system does not tell.</param>
/// <param name="Inode">Number of the file on its file system; 0 where the system does not tell.</param>
internal readonly record struct FileStamp(long Size, long Modified, long Changed, ulong Inode)
{
    /// <summary>The later of the two times.</summary>
    public long Newest => Math.Max(Modified, Changed);

    /// <summary>Stamp of the file that <paramref name="path"/> leads to; null where there is none.</summary>
    /// <exception cref="IOException">The system cannot say.</exception>
    public static FileStamp? Of(string path) => OperatingSystem.IsLinux() ? OnLinux(path) : Elsewhere(path);

    /// <summary>By what .NET tells on every system.</summary>
    internal static FileStamp? Elsewhere(string path)
    {
        var info = new FileInfo(path);
        if (!info.Exists)
        {
            return null;   // ResolveLinkTarget throws on Windows
        }
        var target = info.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? info;
        return target.Exists ? new(target.Length, (target.LastWriteTimeUtc - DateTime.UnixEpoch).Ticks * 100, 0, 0) : null;
    }

    [SupportedOSPlatform("linux")]
    private static FileStamp? OnLinux(string path)
    {
        if (statx(CurrentFolder, path, flags: 0, BasicStats, out var found) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            return error is NoSuchFile or NotAFolder ? null : throw new IOException($"{path}: {Marshal.GetPInvokeErrorMessage(error)}");
        }
        return (found.Mode & TypeMask) == RegularFile
            ? new((long)found.Size, found.Modified.Nanoseconds, found.Changed.Nanoseconds, found.Inode)
            : null;
    }

    private const int CurrentFolder = -100;
    private const uint BasicStats = 0x7ff;
    private const int NoSuchFile = 2;
    private const int NotAFolder = 20;
    private const ushort TypeMask = 0xF000;
    private const ushort RegularFile = 0x8000;

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Timestamp
    {
        private readonly long _seconds;
        private readonly uint _nanoseconds;
        private readonly int _reserved;

        public long Nanoseconds => (_seconds * 1_000_000_000) + _nanoseconds;
    }

    /// <summary><c>struct statx</c> of linux/stat.h, the same on every architecture.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private readonly struct Status
    {
        [FieldOffset(28)] public readonly ushort Mode;
        [FieldOffset(32)] public readonly ulong Inode;
        [FieldOffset(40)] public readonly ulong Size;
        [FieldOffset(96)] public readonly Timestamp Changed;
        [FieldOffset(112)] public readonly Timestamp Modified;
    }

#pragma warning disable CA2101, SYSLIB1054, IDE1006 // a libc name; UTF-8 marshalling is stated
    [SupportedOSPlatform("linux")]
    [DllImport("libc", SetLastError = true)]
    private static extern int statx(int folder, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mask, out Status found);
#pragma warning restore CA2101, SYSLIB1054, IDE1006
}
