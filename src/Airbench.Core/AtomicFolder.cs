using System.Runtime.InteropServices;

namespace Airbench;

/// <summary>
/// Builds a folder beside its final place and puts it there in one step, so that readers see the old content or the new,
/// never a mixture, and a failed or killed run leaves what was there before.
/// </summary>
/// <remarks>
/// On Linux an existing folder is exchanged atomically (<c>renameat2(RENAME_EXCHANGE)</c>); elsewhere it takes two renames,
/// between which a kill leaves the earlier content as <c>.name.old-*</c>. Leftovers of killed runs are removed by the next commit.
/// </remarks>
public sealed class AtomicFolder : IDisposable
{
    private readonly string _final;
    private bool _committed;

    private AtomicFolder(string final)
    {
        _final = System.IO.Path.GetFullPath(final);
        var parent = System.IO.Path.GetDirectoryName(_final) ?? throw new ConfigurationException($"{final}: not a folder that can be written");
        Path = System.IO.Path.Combine(parent, $".{System.IO.Path.GetFileName(_final)}.tmp-{Guid.NewGuid():N}");
        Directory.CreateDirectory(Path);
    }

    /// <summary>The folder to write into; it lies beside the final place, on the same file system.</summary>
    public string Path { get; }

    /// <summary>Where it will be, a full path.</summary>
    public string Final => _final;

    /// <summary>Starts a new version of the folder at <paramref name="final"/>, which may exist.</summary>
    public static AtomicFolder Create(string final) => new(final);

    /// <summary>Full path of <paramref name="name"/> inside the folder being built.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Flushes every file, then puts the folder in its final place; returns that place.</summary>
    public string Commit()
    {
        foreach (var file in Directory.EnumerateFiles(Path, "*", SearchOption.AllDirectories))
        {
            Flush(file);
        }
        if (!Directory.Exists(_final))
        {
            Directory.Move(Path, _final);
        }
        else
        {
            Exchange();
        }
        _committed = true;
        RemoveLeftovers();
        return _final;
    }

    /// <summary>Without a commit, removes what was written; the final place is as before.</summary>
    public void Dispose()
    {
        if (!_committed && Directory.Exists(Path))
        {
            Directory.Delete(Path, recursive: true);
        }
    }

    /// <summary>Writes a single file beside its place, flushes and renames it.</summary>
    public static void WriteFile(string path, string content) => WriteFile(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(content)));

    /// <inheritdoc cref="WriteFile(string, string)"/>
    public static void WriteFile(string path, Action<Stream> write)
    {
        var full = System.IO.Path.GetFullPath(path);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(full)!);
        var temporary = $"{full}.tmp-{Guid.NewGuid():N}";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            System.IO.File.Move(temporary, full, overwrite: true);
        }
        finally
        {
            System.IO.File.Delete(temporary);   // nothing to delete after the move
        }
    }

    private static void Flush(string file)
    {
        using var handle = System.IO.File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.FlushToDisk(handle);
    }

    private void Exchange()
    {
        if (OperatingSystem.IsLinux() && renameat2(AtCurrentFolder, Path, AtCurrentFolder, _final, RenameExchange) == 0)
        {
            Directory.Delete(Path, recursive: true);   // now the earlier content
            return;
        }
        var old = $"{Path.Replace(".tmp-", ".old-", StringComparison.Ordinal)}";
        Directory.Move(_final, old);
        Directory.Move(Path, _final);
        Directory.Delete(old, recursive: true);
    }

    /// <summary>Removes the temporary folders that killed runs left for this same place more than a day ago.</summary>
    private void RemoveLeftovers()
    {
        var parent = System.IO.Path.GetDirectoryName(_final)!;
        var cutoff = DateTime.UtcNow.AddDays(-1);   // a younger one may belong to a run that is still going
        foreach (var leftover in Directory.EnumerateDirectories(parent, $".{System.IO.Path.GetFileName(_final)}.tmp-*"))
        {
            if (Directory.GetLastWriteTimeUtc(leftover) < cutoff)
            {
                Directory.Delete(leftover, recursive: true);
            }
        }
    }

    private const int AtCurrentFolder = -100;
    private const uint RenameExchange = 2;

#pragma warning disable CA2101, SYSLIB1054, IDE1006 // a libc name; UTF-8 marshalling is stated
    [DllImport("libc", SetLastError = true)]
    private static extern int renameat2(
        int oldFolder, [MarshalAs(UnmanagedType.LPUTF8Str)] string oldPath,
        int newFolder, [MarshalAs(UnmanagedType.LPUTF8Str)] string newPath, uint flags);
#pragma warning restore CA2101, SYSLIB1054, IDE1006
}
