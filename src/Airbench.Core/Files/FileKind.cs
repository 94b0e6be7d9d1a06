using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Airbench;

/// <summary>
/// What stands under a path. Only regular files are opened: to open a named pipe waits for a writer, who may never come, and .NET tells a pipe
/// from a file only behind that.
/// </summary>
public static class FileKind
{
    /// <summary>
    /// Null for a regular file, a link to one, and where there is nothing to see; otherwise what it is: "a folder", "a named pipe", "a socket"
    /// or "a device".
    /// </summary>
    public static string? Unusual(string path)
    {
        if (path.Contains('\0', StringComparison.Ordinal))
        {
            return null;
        }
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS())
        {
            var info = new FileInfo(path);
            return !Path.Exists(path) ? null
                : info.Attributes.HasFlag(FileAttributes.Directory) ? "a folder"
                : info.Attributes.HasFlag(FileAttributes.Device) ? "a device"
                : null;
        }
        return (ModeOf(path) & TypeMask) switch
        {
            0x4000 => "a folder",
            0x1000 => "a named pipe",
            0xC000 => "a socket",
            0x2000 or 0x6000 => "a device",
            _ => null,
        };
    }

    /// <summary>Throws unless <paramref name="path"/> is a regular file, or nothing.</summary>
    /// <exception cref="InvalidFileException">It is something else; the message says what.</exception>
    public static void Require(string path)
    {
        if (Unusual(path) is { } what)
        {
            throw new InvalidFileException(path, $"is {what}; expected a file");
        }
    }

    private const int TypeMask = 0xF000;
    private const int CurrentFolder = -100;
    private const uint TypeOnly = 1;   // STATX_TYPE

    /// <summary>Mode of what <paramref name="path"/> leads to; 0 where the system does not say.</summary>
    private static int ModeOf(string path)
    {
        if (OperatingSystem.IsLinux())
        {
            return statx(CurrentFolder, path, 0, TypeOnly, out var linux) == 0 ? linux.Mode : 0;
        }
        if (OperatingSystem.IsMacOS())
        {
            return stat(path, out var found) == 0 ? found.Mode : 0;
        }
        return 0;
    }

    /// <summary><c>struct statx</c> of linux/stat.h, the same on every architecture.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private readonly struct LinuxStatus
    {
        [FieldOffset(28)] public readonly ushort Mode;
    }

    /// <summary><c>struct stat</c> of macOS on ARM, 144 bytes.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private readonly struct MacStatus
    {
        [FieldOffset(4)] public readonly ushort Mode;
    }

#pragma warning disable CA2101, SYSLIB1054, IDE1006 // libc names; UTF-8 marshalling is stated
    [SupportedOSPlatform("linux")]
    [DllImport("libc")]
    private static extern int statx(int folder, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mask, out LinuxStatus found);

    [SupportedOSPlatform("macos")]
    [DllImport("libc")]
    private static extern int stat([MarshalAs(UnmanagedType.LPUTF8Str)] string path, out MacStatus found);
#pragma warning restore CA2101, SYSLIB1054, IDE1006
}
