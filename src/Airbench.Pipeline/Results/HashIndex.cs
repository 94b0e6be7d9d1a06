using System.Globalization;
using System.Security.Cryptography;

namespace Airbench.Pipeline;

/// <summary>
/// SHA-256 of files, from <c>.airbench/hashes</c> where a file still has the stamp that it had when it was read. Loses nothing when deleted.
/// </summary>
/// <remarks>
/// As in git, a file that was written shortly before it was read is "racily clean": a second write within the same tick of the file
/// system's clock would leave its stamp as it is. Such a hash is used but not kept.
/// </remarks>
internal sealed class HashIndex
{
    public const string Name = "hashes";

    /// <summary>No file system in use has a coarser clock (FAT: 2 s).</summary>
    public static readonly TimeSpan CoarsestTick = TimeSpan.FromSeconds(2);

    /// <summary>Bytes that take long enough, on a slow disk, for a word about it.</summary>
    private const long LongFile = 256 << 20;

    private readonly Lock _lock = new();
    private readonly string _file;
    private readonly string _root;
    private readonly TimeSpan _tick;
    private readonly Dictionary<string, Entry> _entries;
    private bool _changed;

    private readonly IProgress _progress;
    private readonly CancellationToken _cancel;

    /// <summary>Reads the index below <paramref name="root"/>; a missing or damaged one is empty.</summary>
    /// <param name="root">The working folder.</param>
    /// <param name="tick">How coarse the clock of the file system may be.</param>
    /// <param name="progress">Told about the reading of big files.</param>
    /// <param name="cancel">Ends it.</param>
    public HashIndex(string root, TimeSpan tick, IProgress progress, CancellationToken cancel)
    {
        (_tick, _progress, _cancel) = (tick, progress, cancel);
        _root = Path.GetFullPath(root);
        _file = Path.Combine(_root, StageMemory.FolderName, Name);
        _entries = Read(_file);
    }

    private sealed record Entry(FileStamp Stamp, string Sha256);

    /// <summary>Bytes read so far because no kept hash could be used.</summary>
    public long BytesRead { get; private set; }

    /// <summary>SHA-256 of the file that <paramref name="path"/> leads to, lower-case hexadecimal; null where there is none.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The reading was cancelled.</exception>
    public string? Of(string path)
    {
        var full = Path.GetFullPath(path);
        if (FileStamp.Of(full) is not { } before)
        {
            return null;
        }

        var key = Path.GetRelativePath(_root, full);
        lock (_lock)
        {
            if (_entries.TryGetValue(key, out var known) && known.Stamp == before)
            {
                return known.Sha256;
            }
        }
        var started = DateTime.UtcNow - DateTime.UnixEpoch;
        var hash = Read(full, before.Size);
        var isOld = before.Newest / 100 < (started - _tick).Ticks;
        var isSame = FileStamp.Of(full) == before;
        lock (_lock)
        {
            BytesRead += before.Size;
            if (isOld && isSame && !key.AsSpan().ContainsAny('\n', '\r'))
            {
                _entries[key] = new(before, hash);
            }
            else
            {
                _entries.Remove(key);
            }

            _changed = true;
        }
        return hash;
    }

    /// <summary>Writes what was learned. A file system that takes nothing more costs the next run some reading, no more.</summary>
    public void Save()
    {
        lock (_lock)
        {
            if (!_changed)
            {
                return;
            }

            var lines = _entries.Where(entry => File.Exists(Path.Combine(_root, entry.Key)))
                .OrderBy(entry => entry.Key, StringComparer.Ordinal)
                .Select(entry => string.Create(CultureInfo.InvariantCulture,
                    $"{entry.Value.Sha256} {entry.Value.Stamp.Size} {entry.Value.Stamp.Modified} {entry.Value.Stamp.Changed} {entry.Value.Stamp.Inode} {entry.Key}\n"));
            try
            {
                AtomicFolder.WriteFile(_file, string.Concat(lines));
                _changed = false;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // see above
            }
        }
    }

    private string Read(string path, long bytes)
    {
        _cancel.ThrowIfCancellationRequested();
        if (bytes < LongFile)
        {
            return Hash.OfFile(path);
        }

        using var task = _progress.Start($"look at {Path.GetFileName(path)}", bytes, "bytes");
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var (buffer, done) = (new byte[1 << 20], 0L);
        while (stream.Read(buffer) is > 0 and var read)
        {
            _cancel.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, read);
            task.Report(done += read);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static Dictionary<string, Entry> Read(string file)
    {
        var entries = new Dictionary<string, Entry>(StringComparer.Ordinal);
        if (!File.Exists(file))
        {
            return entries;
        }

        foreach (var line in File.ReadLines(file))
        {
            var parts = line.Split(' ', 6);
            if (parts.Length == 6 && parts[0].Length == 64
                && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var size)
                && long.TryParse(parts[2], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var modified)
                && long.TryParse(parts[3], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var changed)
                && ulong.TryParse(parts[4], NumberStyles.None, CultureInfo.InvariantCulture, out var inode))
            {
                entries[parts[5]] = new(new(size, modified, changed, inode), parts[0]);
            }
        }
        return entries;
    }
}
