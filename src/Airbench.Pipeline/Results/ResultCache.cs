using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Airbench.Pipeline;

/// <summary>
/// Earlier results below <c>.airbench/cache/</c>, a folder for each (named by <see cref="NameOf"/>): <c>record.yaml</c> and <c>files/</c>. The least
/// recently used go first when there are more bytes than the limit.
/// </summary>
/// <remarks>
/// Small files are copies (on file systems that can, clones without bytes of their own). Big ones are hard links to those of the artifact, so that a
/// data set is not on the disk twice; whoever writes into one in place damages both, which the hashes of every restored file tell.
/// </remarks>
internal sealed class ResultCache(string root, long limit)
{
    private const string FolderName = "cache";
    private const string RecordName = "record.yaml";
    private const string FilesName = "files";
    private const string StageName = "stage";
    private const long BigFile = 16 << 20;

    private readonly string _folder = Path.Combine(root, StageMemory.FolderName, FolderName);

    /// <summary>One result in the cache.</summary>
    /// <param name="Name">From <see cref="NameOf"/>.</param>
    /// <param name="Bytes">Of all its files.</param>
    /// <param name="Used">When it was last stored or restored, UTC.</param>
    public sealed record Entry(string Name, long Bytes, DateTime Used);

    /// <summary>Name of the result with these facts: begins alike where only artifacts of other stages differ.</summary>
    public static string NameOf(Facts facts) => $"{Prefix(facts)}{facts.Key}";

    /// <summary>Whether there is a result that differs at most in the artifacts of other stages.</summary>
    public bool HasAlike(Facts facts) => Directory.Exists(_folder) && Directory.EnumerateDirectories(_folder, $"{Prefix(facts)}*").Any();

    /// <summary>The result with these facts, where all its files are there and as they were; a damaged one is removed.</summary>
    public ResultRecord? Find(Facts facts, HashIndex index)
    {
        var name = NameOf(facts);
        var entry = Path.Combine(_folder, name);
        if (!RecordFile.Read(Path.Combine(entry, RecordName), out var problem).TryGetValue(StageName, out var record))
        {
            if (problem is not null)
            {
                Remove(name);
            }

            return null;
        }
        if (record.From.Key == facts.Key && ArtifactFiles.Difference(Path.Combine(entry, FilesName), record.Outputs, index) is null)
        {
            return record;
        }

        Remove(name);
        return null;
    }

    /// <summary>Keeps the artifact in <paramref name="folder"/>, of which <paramref name="record"/> speaks, unless it is larger than the limit.</summary>
    /// <exception cref="IOException">There is no room.</exception>
    public void Store(ResultRecord record, string folder)
    {
        var bytes = record.Outputs.Keys.Sum(name => FileLength.Of(Path.Combine(folder, name)));
        if (bytes > limit)
        {
            return;
        }

        using var entry = AtomicFolder.Create(Path.Combine(_folder, NameOf(record.From)));
        Copy(folder, Path.Combine(entry.Path, FilesName), record.Outputs.Keys, mayLink: true);
        RecordFile.Write(entry.File(RecordName), "A result that airbench keeps.", [(StageName, record)]);
        entry.Commit();
    }

    /// <summary>Puts the files of a result in the place of what is in <paramref name="folder"/>, whole or not at all.</summary>
    /// <param name="record">From <see cref="Find"/>.</param>
    /// <param name="folder">The artifact's folder.</param>
    /// <param name="mayLink">Whether big files may be links: not in the record of a run, which nothing may change later.</param>
    /// <returns>Whether every file is what the record says; if not, nothing was changed, and the result is removed.</returns>
    public bool Restore(ResultRecord record, string folder, bool mayLink)
    {
        var entry = Path.Combine(_folder, NameOf(record.From));
        using (var build = AtomicFolder.Create(folder))
        {
            try
            {
                Copy(Path.Combine(entry, FilesName), build.Path, record.Outputs.Keys, mayLink);
            }
            catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
            {
                return false;   // another process made room
            }
            if (record.Outputs.All(output => Hash.OfFile(build.File(output.Key)) == output.Value))
            {
                build.Commit();
                Use(record.From);
                return true;
            }
        }
        Remove(NameOf(record.From));
        return false;
    }

    /// <summary>The folder with the files of a result from <see cref="Find"/>; not to be changed.</summary>
    public string FilesOf(ResultRecord record) => Path.Combine(_folder, NameOf(record.From), FilesName);

    /// <summary>Marks a result as used now.</summary>
    public void Use(Facts facts)
    {
        var record = Path.Combine(_folder, NameOf(facts), RecordName);
        if (File.Exists(record))
        {
            File.SetLastWriteTimeUtc(record, DateTime.UtcNow);
        }
    }

    /// <summary>What is in the cache, the most recently used first.</summary>
    public IReadOnlyList<Entry> Entries() => !Directory.Exists(_folder) ? [] :
    [
        .. Directory.EnumerateDirectories(_folder).Where(entry => !Path.GetFileName(entry).StartsWith('.'))
            .Select(entry => new Entry(
                Path.GetFileName(entry),
                Directory.EnumerateFiles(entry, "*", SearchOption.AllDirectories).Sum(FileLength.Of),
                File.GetLastWriteTimeUtc(Path.Combine(entry, RecordName))))
            .OrderByDescending(entry => entry.Used).ThenBy(entry => entry.Name, StringComparer.Ordinal),
    ];

    /// <summary>The record of an entry, where it can be read.</summary>
    public ResultRecord? RecordOf(Entry entry) => RecordFile.Read(Path.Combine(_folder, entry.Name, RecordName), out _).GetValueOrDefault(StageName);

    /// <summary>Removes results, the least recently used first, until all are within the limit; those in <paramref name="needed"/> stay.</summary>
    /// <returns>What was removed.</returns>
    public IReadOnlyList<Entry> Prune(IReadOnlySet<string> needed)
    {
        if (Directory.Exists(_folder))
        {
            AtomicFolder.RemoveLeftovers(_folder);   // what killed runs left half-written or half-removed
        }

        var entries = Entries();
        var (bytes, removed) = (entries.Sum(entry => entry.Bytes), new List<Entry>());
        foreach (var entry in entries.Reverse().Where(entry => !needed.Contains(entry.Name)))
        {
            if (bytes <= limit)
            {
                break;
            }

            Remove(entry.Name);
            bytes -= entry.Bytes;
            removed.Add(entry);
        }
        return removed;
    }

    /// <summary>Renamed first, so that a half-removed result never stands under its name.</summary>
    private void Remove(string name)
    {
        var going = Path.Combine(_folder, $".{name}.tmp-{Guid.NewGuid():N}");
        try
        {
            Directory.Move(Path.Combine(_folder, name), going);
            Directory.Delete(going, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // another process removed it
        }
    }

    private static string Prefix(Facts facts) => $"{facts.OwnKey[..16]}-";

    private static void Copy(string from, string to, IEnumerable<string> names, bool mayLink)
    {
        Directory.CreateDirectory(to);
        foreach (var name in names)
        {
            var (source, target) = (Path.Combine(from, name), Path.Combine(to, name));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            if (!(mayLink && FileLength.Of(source) >= BigFile && HardLink(source, target)))
            {
                File.Copy(source, target);   // clones where the file system can
            }
        }
    }

    /// <summary>Whether a second name for the file could be made: not on every file system, and not from one to another.</summary>
    private static bool HardLink(string source, string target) => OperatingSystem.IsWindows()
        ? CreateHardLinkW(target, source, 0)
        : link(source, target) == 0;

#pragma warning disable CA2101, SYSLIB1054, IDE1006 // names of the systems; marshalling is stated
    [UnsupportedOSPlatform("windows")]
    [DllImport("libc", SetLastError = true)]
    private static extern int link([MarshalAs(UnmanagedType.LPUTF8Str)] string source, [MarshalAs(UnmanagedType.LPUTF8Str)] string target);

    [SupportedOSPlatform("windows")]
    [DllImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool CreateHardLinkW([MarshalAs(UnmanagedType.LPWStr)] string target, [MarshalAs(UnmanagedType.LPWStr)] string source, nint security);
#pragma warning restore CA2101, SYSLIB1054, IDE1006
}
