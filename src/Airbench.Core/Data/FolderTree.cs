namespace Airbench.Data;

/// <summary>A directory, sorted by path. Links to files inside it are read; any other link is refused.</summary>
internal sealed class FolderTree : FileTree
{
    private readonly List<(string Path, string FullPath, bool IsFolder)> _entries = [];

    /// <summary>Lists everything below <paramref name="root"/>.</summary>
    public FolderTree(string root)
    {
        Root = root;
        var full = new DirectoryInfo(root);
        var real = (full.ResolveLinkTarget(returnFinalTarget: true) ?? full).FullName;
        List(new DirectoryInfo(real), "", Path.TrimEndingDirectorySeparator(real) + Path.DirectorySeparatorChar);
        _entries.Sort((a, b) => string.CompareOrdinal(a.Path, b.Path));
    }

    /// <inheritdoc/>
    public override string Root { get; }

    /// <inheritdoc/>
    public override long Length => _entries.Count;

    /// <inheritdoc/>
    public override string Unit => "files";

    /// <inheritdoc/>
    public override IEnumerable<TreeEntry> Walk() => _entries.Select((e, i) => new Entry(e.Path, e.IsFolder, i + 1, e.FullPath));

    private void List(DirectoryInfo folder, string prefix, string root)
    {
        foreach (var info in folder.EnumerateFileSystemInfos())
        {
            var path = prefix + info.Name;
            if (EntryName.IsHidden(info.Name))
            {
                continue;
            }
            if (info.Attributes.HasFlag(FileAttributes.ReparsePoint))
            {
                RefuseUnlessInside(info, path, root);
            }
            var isFolder = info is DirectoryInfo;
            _entries.Add((path, info.FullName, isFolder));
            if (isFolder)
            {
                List((DirectoryInfo)info, path + "/", root);
            }
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

    private sealed record Entry(string Path, bool IsFolder, long Position, string FullPath) : TreeEntry(Path, IsFolder, Position)
    {
        public override ReadOnlyMemory<byte> Read(ref byte[] buffer, int maxBytes)
        {
            using var content = new FileStream(FullPath, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            return ReadAll(content, ref buffer, maxBytes);
        }
    }
}
