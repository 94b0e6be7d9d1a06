namespace Airbench.Pipeline;

/// <summary>What a run that was stopped or killed left beside the results.</summary>
/// <param name="Path">Relative to the working folder, with '/'.</param>
/// <param name="What">What it is, for the user.</param>
/// <param name="Bytes">Of its files.</param>
public sealed record Leftover(string Path, string What, long Bytes);

/// <summary>Half-written results and checkpoints, for <c>airbench gc</c>. What a run is at work on is none.</summary>
public static class Leftovers
{
    /// <summary>What is left below <paramref name="root"/>, in the order of paths.</summary>
    public static IReadOnlyList<Leftover> Find(string root) =>
    [
        .. Parents(root).SelectMany(parent => AtomicFolder.Leftovers(parent).Select(path => Of(root, path, "half-written by a run that was killed"))
            .Concat(Directory.EnumerateDirectories(parent, $"*{TrainedModel.CheckpointEnding}")
                .Where(path => !Path.GetFileName(path).StartsWith('.') && !IsInUse(root, path))
                .Select(path => Of(root, path, "checkpoint of a training that did not end: the same training resumes from it"))))
            .OrderBy(leftover => leftover.Path, StringComparer.Ordinal),
    ];

    /// <summary>Removes what <see cref="Find"/> found; returns it.</summary>
    public static IReadOnlyList<Leftover> Remove(string root)
    {
        var found = Find(root);
        foreach (var path in found.Select(leftover => Path.Combine(root, leftover.Path)).Where(path => path.EndsWith(TrainedModel.CheckpointEnding, StringComparison.Ordinal)))
        {
            Directory.Delete(path, recursive: true);
        }
        foreach (var parent in Parents(root))
        {
            AtomicFolder.RemoveLeftovers(parent);
        }
        return found;
    }

    /// <summary>Where results are written: <c>data/</c>, <c>models/</c>, <c>exports/</c>, the folders of runs, the cache.</summary>
    private static IEnumerable<string> Parents(string root) =>
        ((string[])[".", "data", "models", "exports", $"{StageMemory.FolderName}", $"{StageMemory.FolderName}/cache"])
            .Select(folder => Path.GetFullPath(Path.Combine(root, folder)))
            .Concat(Below(Path.Combine(root, RunFolder.Runs)).SelectMany(pipeline => Below(pipeline)))
            .Where(Directory.Exists);

    private static IEnumerable<string> Below(string folder) => Directory.Exists(folder) ? Directory.EnumerateDirectories(folder) : [];

    /// <summary>A run that trains holds the lock of the model's folder.</summary>
    private static bool IsInUse(string root, string checkpoint) =>
        FolderLocks.IsHeld(root, Path.GetRelativePath(root, checkpoint)[..^TrainedModel.CheckpointEnding.Length]);

    private static Leftover Of(string root, string path, string what) => new(
        Path.GetRelativePath(root, path).Replace(Path.DirectorySeparatorChar, '/'), what,
        Directory.Exists(path) ? Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Sum(FileLength.Of) : File.Exists(path) ? FileLength.Of(path) : 0);
}
