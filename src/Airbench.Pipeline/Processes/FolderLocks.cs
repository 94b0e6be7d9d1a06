namespace Airbench.Pipeline;

/// <summary>
/// The folders that a run writes, and its pipeline's record, for itself; those that it only reads, together with others that read them.
/// From before its first stage until it and the processes of its stages have ended.
/// </summary>
/// <remarks>
/// A lock is a file in <c>.airbench/locks</c> that is held open. The kernel lets go of it however the run ends, so that no lock is ever
/// stale, and no process number has to be believed. All are taken before any work and in one order, so that no two runs can wait for
/// each other. Beside each lock is a note on who holds it, for messages alone.
/// </remarks>
internal sealed class FolderLocks : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a lock without a holder is nothing to speak of: a run writes its note, or a stage of a killed run ends.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    private readonly List<HeldFile> _held = [];
    private readonly List<string> _notes = [];

    /// <summary>Takes every folder that the run touches below the root, its own aside, which nobody else knows.</summary>
    /// <exception cref="BusyException">Another run holds one, and this one is not to wait.</exception>
    /// <exception cref="ConfigurationException">A lock's file cannot be written, or a stage in <paramref name="options"/> does not exist.</exception>
    /// <exception cref="OperationCanceledException">Cancelled while waiting.</exception>
    public static FolderLocks Take(
        PipelineDefinition pipeline, RunOptions options, IProgress progress, TimeProvider time, CancellationToken cancel)
    {
        var locks = new FolderLocks();
        try
        {
            var me = LockHolder.Me(pipeline, time);
            var record = options.KeepRecord ? [(RecordFile.LockName(pipeline.Name), true)] : (IEnumerable<(string, bool)>)[];
            foreach (var (folder, alone) in InOrder(PipelinePlan.Folders(pipeline, options).Concat(record)))
            {
                locks.Take(options.Root, folder, alone, me, options.Wait, progress, cancel);
            }
            return locks;
        }
        catch
        {
            locks.Dispose();
            throw;
        }
    }

    /// <summary>Whether a run holds <paramref name="folder"/>, relative to the root.</summary>
    public static bool IsHeld(string root, string folder)
    {
        var path = PathOf(root, folder);
        if (!File.Exists(path))
        {
            return false;
        }
        using var file = HeldFile.TryOpen(path, alone: true);
        return file is null;
    }

    private static string PathOf(string root, string folder) => Path.Combine(root, ".airbench", "locks", $"{LockName(folder)}.lock");

    public void Dispose()
    {
        _notes.ForEach(LockHolder.Remove);   // first, or another holder's could be meant
        _held.ForEach(file => file.Dispose());
    }

    /// <summary>Each folder once, in the one order that all runs use.</summary>
    private static IEnumerable<(string Folder, bool Alone)> InOrder(IEnumerable<(string Folder, bool IsWritten)> folders)
    {
        bool IsOwn(string folder) => folder.Split(Path.DirectorySeparatorChar).Contains(FolderCheck.RunPlaceholder);
        bool IsBelow(string folder) => !folder.StartsWith("..", StringComparison.Ordinal) && !Path.IsPathRooted(folder);
        return folders
            .Where(entry => !IsOwn(entry.Folder) && IsBelow(entry.Folder))
            .GroupBy(entry => entry.Folder, OperatingSystem.IsLinux() ? StringComparer.Ordinal : StringComparer.OrdinalIgnoreCase)
            .Select(group => (group.Key, group.Any(entry => entry.IsWritten)))
            .OrderBy(entry => entry.Key, StringComparer.Ordinal);
    }

    /// <summary>One file name for a folder, however deep; where it would be longer than file systems take, its end is a hash.</summary>
    internal static string LockName(string folder)
    {
        var name = Uri.EscapeDataString(folder.Replace('\\', '/'));   // nine letters for one of Japanese
        var hash = $"-{Hash.OfText(name)}";
        return name.Length <= FileName.Longest ? name : name[..(FileName.Longest - hash.Length)] + hash;
    }

    private void Take(
        string root, string folder, bool alone, LockHolder me, bool wait, IProgress progress, CancellationToken cancel)
    {
        var path = PathOf(root, folder);
        var (waited, isTold) = (TimeSpan.Zero, false);
        HeldFile? file;
        while ((file = HeldFile.TryOpen(path, alone)) is null)
        {
            var holder = LockHolder.Describe(path);
            if (holder is not null || waited > Grace)
            {
                var who = $"{folder} is in use by {holder ?? "a process of a run that has ended"}";
                if (!wait)
                {
                    throw new BusyException($"{who}; wait for it to finish (run without --no-wait), stop it, or use another name");
                }
                if (!isTold)
                {
                    progress.Info($"{who}: waiting for it to finish; Ctrl-C stops waiting");
                    isTold = true;
                }
            }
            cancel.WaitHandle.WaitOne(Interval);
            cancel.ThrowIfCancellationRequested();
            waited += Interval;
        }
        _held.Add(file);
        if (alone)
        {
            LockHolder.RemoveAll(path);   // of the dead: nobody alive holds it
        }
        _notes.Add(me.Write(path));
    }
}
