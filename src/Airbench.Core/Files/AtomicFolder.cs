using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Airbench;

/// <summary>
/// Builds a folder beside its final place and puts it there in one step, so that readers see the old content or the new,
/// never a mixture, and a failed or killed run leaves what was there before.
/// </summary>
/// <remarks>
/// On Linux an existing folder is exchanged atomically (<c>renameat2(RENAME_EXCHANGE)</c>); elsewhere it takes two renames,
/// between which a kill leaves the earlier content as <c>.name.old-*</c>, and the next build puts it back. What a killed run
/// was building is removed by the next build for the same place.
/// </remarks>
public sealed class AtomicFolder : IDisposable
{
    private readonly string _final;
    private readonly TemporaryPlace _place;
    private bool _committed;

    private AtomicFolder(string final)
    {
        _final = System.IO.Path.GetFullPath(final);
        var parent = System.IO.Path.GetDirectoryName(_final) ?? throw new ConfigurationException($"{final}: not a folder that can be written");
        Directory.CreateDirectory(parent);
        PutBack(parent);
        TemporaryPlace.RemoveLeftovers(_final);
        _place = TemporaryPlace.Claim(_final);
        try
        {
            Directory.CreateDirectory(Path);
        }
        catch
        {
            _place.Dispose();
            throw;
        }
    }

    /// <summary>The folder to write into; it is beside the final place, on the same file system.</summary>
    public string Path => _place.Path;

    /// <summary>Where it will be, a full path.</summary>
    public string Final => _final;

    /// <summary>Starts a new version of the folder at <paramref name="final"/>, which may exist.</summary>
    public static AtomicFolder Create(string final) => new(final);

    /// <summary>Removes what killed runs were building in <paramref name="parent"/>, whatever its name, and leaves what living ones are.</summary>
    public static void RemoveLeftovers(string parent) => TemporaryPlace.RemoveAllLeftovers(parent);

    /// <summary>Full paths of what <see cref="RemoveLeftovers"/> would remove.</summary>
    public static IReadOnlyList<string> Leftovers(string parent) => TemporaryPlace.Leftovers(parent);

    /// <summary>Full path of <paramref name="name"/> inside the folder being built.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Has every file and name with the disk, then puts the folder in its final place; returns that place.</summary>
    public string Commit()
    {
        foreach (var file in Directory.EnumerateFiles(Path, "*", SearchOption.AllDirectories))
        {
            FlushToDisk.File(file);
        }
        foreach (var folder in Directory.EnumerateDirectories(Path, "*", SearchOption.AllDirectories))
        {
            FlushToDisk.Folder(folder);
        }
        FlushToDisk.Folder(Path);
        if (!Directory.Exists(_final))
        {
            Directory.Move(Path, _final);
        }
        else
        {
            Exchange();
        }
        FlushToDisk.Folder(System.IO.Path.GetDirectoryName(_final)!);
        _committed = true;
        _place.Dispose();   // nothing is being built here any more
        return _final;
    }

    /// <summary>Without a commit, removes what was written; the final place is as before.</summary>
    public void Dispose()
    {
        try
        {
            if (!_committed && Directory.Exists(Path))
            {
                Directory.Delete(Path, recursive: true);
            }
        }
        finally
        {
            _place.Dispose();
        }
    }

    /// <summary>Writes a single file beside its place, flushes and renames it.</summary>
    public static void WriteFile(string path, string content) => WriteFile(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(content)));

    /// <inheritdoc cref="WriteFile(string, string)"/>
    public static void WriteFile(string path, Action<Stream> write)
    {
        var full = System.IO.Path.GetFullPath(path);
        var parent = System.IO.Path.GetDirectoryName(full)!;
        Directory.CreateDirectory(parent);
        TemporaryPlace.RemoveLeftovers(full);
        using var place = TemporaryPlace.Claim(full);
        try
        {
            using (var stream = new FileStream(place.Path, FileMode.CreateNew, FileAccess.Write))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            System.IO.File.Move(place.Path, full, overwrite: true);
            FlushToDisk.Folder(parent);
        }
        finally
        {
            System.IO.File.Delete(place.Path);   // nothing to delete after the move
        }
    }

    private void Exchange()
    {
        if (OperatingSystem.IsLinux() && renameat2(AtCurrentFolder, Path, AtCurrentFolder, _final, RenameExchange) == 0)
        {
            Directory.Delete(Path, recursive: true);   // now the earlier content
            return;
        }
        var old = $"{Path.Replace(TemporaryPlace.Mark, Old, StringComparison.Ordinal)}";
        Directory.Move(_final, old);
        Directory.Move(Path, _final);
        Remove(old);
    }

    /// <summary>Windows keeps a file that somebody reads. The new content is in place, and the next build tries again.</summary>
    private static void Remove(string old)
    {
        try
        {
            Directory.Delete(old, recursive: true);
        }
        catch (Exception e) when (OperatingSystem.IsWindows() && e is (IOException or UnauthorizedAccessException))
        {
            // it is in nobody's way
        }
    }

    /// <summary>Where two renames were needed and a kill came between them, the earlier content is what is whole.</summary>
    private void PutBack(string parent)
    {
        foreach (var old in Directory.EnumerateDirectories(parent, $".{System.IO.Path.GetFileName(_final)}{Old}*").ToList())
        {
            if (Directory.Exists(_final))
            {
                Remove(old);
            }
            else
            {
                Directory.Move(old, _final);
            }
        }
    }

    private const string Old = ".old-";
    private const int AtCurrentFolder = -100;
    private const uint RenameExchange = 2;

#pragma warning disable CA2101, SYSLIB1054, IDE1006 // a libc name; UTF-8 marshalling is stated
    [SupportedOSPlatform("linux")]
    [DllImport("libc", SetLastError = true)]
    private static extern int renameat2(
        int oldFolder, [MarshalAs(UnmanagedType.LPUTF8Str)] string oldPath,
        int newFolder, [MarshalAs(UnmanagedType.LPUTF8Str)] string newPath, uint flags);
#pragma warning restore CA2101, SYSLIB1054, IDE1006
}
