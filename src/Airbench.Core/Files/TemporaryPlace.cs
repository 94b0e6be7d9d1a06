namespace Airbench;

/// <summary>
/// A name beside a final place, <c>.name.tmp-*</c>, that nobody else writes to while this process lives. A file of the same name
/// with <c>.lock</c> behind it is held open; the kernel lets go of it however the process ends, so that whoever comes next can tell
/// a build under way from what a killed run left, at once and without looking at clocks.
/// </summary>
internal sealed class TemporaryPlace : IDisposable
{
    /// <summary>What every temporary name contains.</summary>
    public const string Mark = ".tmp-";

    private const string LockEnding = ".lock";
    private const int MostTries = 10;

    private readonly FileStream _claim;

    private TemporaryPlace(string path, FileStream claim) => (Path, _claim) = (path, claim);

    /// <summary>Full path; nothing is there yet.</summary>
    public string Path { get; }

    /// <summary>Takes a new name beside <paramref name="final"/>, in whose parent folder it has to be possible to write.</summary>
    /// <exception cref="IOException">It is not; the message names <paramref name="final"/>.</exception>
    public static TemporaryPlace Claim(string final)
    {
        for (var tries = 1; ; tries++)
        {
            var path = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(final)!, $"{Prefix(final)}{Guid.NewGuid():N}");
            try
            {
                // On Unix creating the file and locking it are two steps. Someone who removes leftovers may have locked it between them,
                // or locked it and removed it: then the lock is on a file without a name.
                var claim = Hold(path + LockEnding, FileMode.CreateNew);
                if (File.Exists(path + LockEnding))
                {
                    return new(path, claim);
                }
                claim.Dispose();
            }
            catch (IOException) when (tries < MostTries)
            {
                // another name
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new IOException($"{final}: cannot be written: {e.Message}", e);
            }
        }
    }

    /// <summary>
    /// Removes what killed processes left for <paramref name="final"/>, and leaves what living ones are building. What cannot be removed
    /// stays: it is in nobody's way.
    /// </summary>
    public static void RemoveLeftovers(string final) => RemoveLeftovers(System.IO.Path.GetDirectoryName(final)!, Prefix(final));

    /// <summary>The same for every final place in <paramref name="parent"/>.</summary>
    public static void RemoveAllLeftovers(string parent) => RemoveLeftovers(parent, ".");

    /// <summary>Full paths of what killed processes left in <paramref name="parent"/>; nothing is changed.</summary>
    public static IReadOnlyList<string> Leftovers(string parent) => [.. Names(parent, ".").Where(IsLeft).Order(StringComparer.Ordinal)];

    // Without a pattern of the file system: for "*" beside "." Windows has rules of its own, and Wine others.
    private static HashSet<string> Names(string parent, string start) => Directory.EnumerateFileSystemEntries(parent)
        .Where(entry => System.IO.Path.GetFileName(entry) is var name && name.StartsWith(start, StringComparison.Ordinal)
            && name.Contains(Mark, StringComparison.Ordinal))
        .Select(entry => entry.EndsWith(LockEnding, StringComparison.Ordinal) ? entry[..^LockEnding.Length] : entry)
        .ToHashSet(StringComparer.Ordinal);

    private static bool IsLeft(string name)
    {
        try
        {
            using var claim = new FileStream(name + LockEnding, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return true;
        }
        catch (FileNotFoundException)
        {
            return true;   // a claim begins with the lock
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;   // a process that lives, or another user's
        }
    }

    private static void RemoveLeftovers(string parent, string start)
    {
        foreach (var name in Names(parent, start))
        {
            try
            {
                // Where nothing was written yet, a lock that is gone must not come back: its owner may be about to look for it.
                using var claim = Hold(name + LockEnding, System.IO.Path.Exists(name) ? FileMode.OpenOrCreate : FileMode.Open);
                if (Directory.Exists(name))
                {
                    Directory.Delete(name, recursive: true);
                }
                File.Delete(name);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // held by a process that lives, or not ours to remove
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _claim.Dispose();

    private static string Prefix(string final) => $".{System.IO.Path.GetFileName(final)}{Mark}";

    private static FileStream Hold(string path, FileMode mode) =>
        new(path, mode, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
}
