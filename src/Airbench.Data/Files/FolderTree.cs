namespace Airbench.Data;

/// <summary>
/// A directory, sorted by path; of what is below it only the listings of the folders on the way to the current file are in memory. Links to
/// files inside it are read; any other link is refused.
/// </summary>
internal sealed class FolderTree : FileTree
{
    private readonly DirectoryInfo _real;
    private readonly Lazy<long> _length;

    /// <summary>The tree below <paramref name="root"/>, which may itself be a link.</summary>
    public FolderTree(string root)
    {
        Root = root;
        var full = new DirectoryInfo(root);
        _real = new DirectoryInfo((full.ResolveLinkTarget(returnFinalTarget: true) ?? full).FullName);
        _length = new Lazy<long>(() => Walk().LongCount());
    }

    /// <inheritdoc/>
    public override string Root { get; }

    /// <inheritdoc/>
    public override long Length => _length.Value;

    /// <inheritdoc/>
    public override string Unit => "files";

    /// <inheritdoc/>
    public override IEnumerable<FileEntry> Walk()
    {
        var inside = Path.TrimEndingDirectorySeparator(_real.FullName) + Path.DirectorySeparatorChar;
        var position = 0L;
        var open = new Stack<IEnumerator<(FileSystemInfo Info, string Path)>>();
        open.Push(List(_real, "", inside));
        while (open.TryPeek(out var folder))
        {
            if (!folder.MoveNext())
            {
                open.Pop();
                continue;
            }
            var (info, path) = folder.Current;
            yield return new DiskFile(path, info is DirectoryInfo, ++position, info.FullName);
            if (info is DirectoryInfo below)
            {
                open.Push(List(below, path + "/", inside));
            }
        }
    }

    /// <summary>The entries of one folder; a folder stands where its content sorts among the files: "a-b" before "a/1".</summary>
    private IEnumerator<(FileSystemInfo Info, string Path)> List(DirectoryInfo folder, string prefix, string root)
    {
        var entries = folder.EnumerateFileSystemInfos().Where(info => !EntryName.IsHidden(info.Name)).ToList();
        foreach (var info in entries.OrderBy(info => info is DirectoryInfo ? info.Name + "/" : info.Name, StringComparer.Ordinal))
        {
            if (info.Attributes.HasFlag(FileAttributes.ReparsePoint))
            {
                RefuseUnlessInside(info, prefix + info.Name, root);
            }
            yield return (info, prefix + info.Name);
        }
    }

    private void RefuseUnlessInside(FileSystemInfo link, string path, string root)
    {
        var target = link.ResolveLinkTarget(returnFinalTarget: true);
        if (link is DirectoryInfo || target is not { Exists: true } || !target.FullName.StartsWith(root, StringComparison.Ordinal))
        {
            throw new DataException(
                $"{Root}: '{path}' is a link to {link.LinkTarget}; only links to files inside the folder are followed. Copy its target.");
        }
    }
}
