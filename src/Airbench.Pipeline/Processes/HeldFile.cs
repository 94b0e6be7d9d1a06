using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Airbench.Pipeline;

/// <summary>
/// A file held open as a lock, alone or together with others, by this process and by those that it starts: until the last of them ends,
/// however it ends. So a stage whose runner was killed still keeps the next run out for the moment that it lives on.
/// </summary>
internal sealed class HeldFile : IDisposable
{
    private const int WouldBlock = 11;   // EAGAIN of Linux
    private const int WouldBlockOfMacOS = 35;
    private const int SharingViolation = unchecked((int)0x80070020);   // of Windows

    private readonly FileStream _stream;
    private readonly SafeFileHandle? _inherited;

    private HeldFile(FileStream stream, SafeFileHandle? inherited) => (_stream, _inherited) = (stream, inherited);

    /// <summary>The lock, or null where another process has it.</summary>
    /// <exception cref="ConfigurationException">The file cannot be written at all.</exception>
    public static HeldFile? TryOpen(string path, bool alone)
    {
        // .NET maps these to flock(LOCK_EX) and flock(LOCK_SH), or to the share modes of Windows.
        var (access, share) = alone ? (FileAccess.ReadWrite, FileShare.None) : (FileAccess.Read, FileShare.Read);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            if (OperatingSystem.IsWindows())
            {
                return new(new FileStream(path, FileMode.OpenOrCreate, access, share | FileShare.Inheritable), null);
            }
            // On Unix .NET forgets the lock where FileShare.Inheritable is set. A duplicate is the same lock, and is inherited.
            var stream = new FileStream(path, FileMode.OpenOrCreate, access, share);
            return new(stream, new SafeFileHandle(dup((int)stream.SafeFileHandle.DangerousGetHandle()), ownsHandle: true));
        }
        catch (IOException e) when (e.HResult is WouldBlock or WouldBlockOfMacOS or SharingViolation)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"{path}: cannot be created: {e.Message}; run in a folder that you can write to", e);
        }
    }

    public void Dispose()
    {
        _stream.Dispose();
        _inherited?.Dispose();
    }

#pragma warning disable SYSLIB1054, IDE1006 // a libc name
    [UnsupportedOSPlatform("windows")]
    [DllImport("libc")]
    private static extern int dup(int file);
#pragma warning restore SYSLIB1054, IDE1006
}
