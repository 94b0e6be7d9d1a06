namespace Airbench.Data;

/// <summary>
/// A directory, sorted by path; of what is below it only the listings of the folders on the way to the current file are in memory. Links to
/// files inside it are read; any other link is refused. What is neither file nor folder is left out.
/// </summary>
internal sealed class FolderTree : FileTree
{
    private static readonly EnumerationOptions HiddenFiles = new()
    {
        RecurseSubdirectories = true,
        AttributesToSkip = FileAttributes.ReparsePoint,
        IgnoreInaccessible = true,
    };

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
    public override IEnumerable<FileEntry> Walk(LeftOut? leftOut = null)
    {
        var inside = Path.TrimEndingDirectorySeparator(_real.FullName) + Path.DirectorySeparatorChar;
        var position = 0L;
        var open = new Stack<IEnumerator<(FileSystemInfo Info, string Path)>>();
        open.Push(List(_real, "", inside, leftOut));
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
                open.Push(List(below, path + "/", inside, leftOut));
            }
        }
    }

    /// <summary>The entries of one folder; a folder stands where its content sorts among the files: "a-b" before "a/1".</summary>
    private IEnumerator<(FileSystemInfo Info, string Path)> List(DirectoryInfo folder, string prefix, string root, LeftOut? leftOut)
    {
        foreach (var info in Entries(folder).OrderBy(info => info is DirectoryInfo ? info.Name + "/" : info.Name, StringComparer.Ordinal))
        {
            if (EntryName.IsHidden(info.Name))
            {
                CountHidden(info, prefix + info.Name, leftOut);
                continue;
            }
            RefuseUnlessNamed(info, prefix);
            if (info.Attributes.HasFlag(FileAttributes.ReparsePoint))
            {
                RefuseUnlessInside(info, prefix + info.Name, root);
            }
            if (info is not DirectoryInfo && FileKind.Unusual(info.FullName) is { } what)
            {
                leftOut?.AddUnusual(what, prefix + info.Name);
                continue;
            }
            yield return (info, prefix + info.Name);
        }
    }

    private List<FileSystemInfo> Entries(DirectoryInfo folder)
    {
        try
        {
            return [.. folder.EnumerateFileSystemInfos()];
        }
        catch (UnauthorizedAccessException e)
        {
            throw new DataException($"{Root}: the folder '{folder.Name}' may not be listed by this user. Allow it (chmod u+rx), or move the folder away", e);
        }
    }

    /// <summary>A name of bytes that are no UTF-8 is shown with replacement characters, under which nothing is found.</summary>
    private void RefuseUnlessNamed(FileSystemInfo info, string prefix)
    {
        if (info.Name.Contains('\uFFFD', StringComparison.Ordinal) && !Path.Exists(info.FullName))
        {
            throw new DataException($"{Root}: '{prefix}{info.Name}' has a name that is not UTF-8. Rename it (convmv -f latin1 -t utf8)");
        }
    }

    private static void CountHidden(FileSystemInfo hidden, string path, LeftOut? leftOut)
    {
        if (leftOut is null || hidden.Attributes.HasFlag(FileAttributes.ReparsePoint))
        {
            return;
        }
        if (hidden is not DirectoryInfo folder)
        {
            ImageSieve.CountHidden(path, leftOut);
            return;
        }
        var images = folder.EnumerateFiles("*", HiddenFiles).Select(file => file.FullName).Where(ImageSieve.LooksLikeImage);
        var (count, example) = (0L, "");
        foreach (var image in images)
        {
            example = count++ == 0 ? image : example;
        }
        if (count > 0)
        {
            leftOut.AddHidden(folder.Name, $"{path}/{Path.GetRelativePath(folder.FullName, example).Replace(Path.DirectorySeparatorChar, '/')}", count);
        }
    }

    private void RefuseUnlessInside(FileSystemInfo link, string path, string root)
    {
        var target = Target(link);
        if (link is DirectoryInfo || target is not { Exists: true } || !target.FullName.StartsWith(root, StringComparison.Ordinal))
        {
            throw new DataException(
                $"{Root}: '{path}' is a link to {link.LinkTarget}; only links to files inside the folder are followed. Copy its target.");
        }
    }

    private static FileSystemInfo? Target(FileSystemInfo link)
    {
        try
        {
            return link.ResolveLinkTarget(returnFinalTarget: true);
        }
        catch (IOException)
        {
            return null;   // links that lead to each other
        }
    }
}
