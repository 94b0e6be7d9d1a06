namespace Airbench.Data;

/// <summary>Labelled images as they are, for an evaluation: class folders of a directory or archive, or a CSV manifest.</summary>
public static class LabelledFiles
{
    /// <summary>
    /// Labelled images: a directory or archive of <c>&lt;class&gt;/*</c> or <c>test/&lt;class&gt;/*</c>, or a CSV file with the columns path and label.
    /// </summary>
    /// <param name="path">The directory or file.</param>
    /// <param name="split">Which side is taken where there is train/ or test/.</param>
    /// <param name="maxUnpackedBytes">Bound on what an archive unpacks to.</param>
    /// <param name="progress">Told about warnings.</param>
    /// <param name="cancel">Ends the first pass, which counts images and classes.</param>
    /// <exception cref="DataException">Nothing is there, or no labelled images.</exception>
    /// <exception cref="InvalidFileException">A file that is no archive and no CSV, or is damaged.</exception>
    public static FileSource Open(string path, Split split, long maxUnpackedBytes, IProgress progress, CancellationToken cancel)
    {
        if (!Path.Exists(path))
        {
            throw new DataException($"{path}: does not exist (looked at {Path.GetFullPath(path)}); "
                + "expected a directory of <class>/*, a .tar, .tar.gz or .zip of it, or a .csv with path,label");
        }
        var files = CsvManifest.IsNamedSo(path) ? CsvManifest.Labelled(path) : InClassFolders(FileTree.Open(path, maxUnpackedBytes), split);
        return FileSource.Scan(files, PathName.Of(path), progress, cancel);
    }

    /// <summary>What <see cref="Open"/> would read: the directory or archive itself; of a CSV file also the images that it names.</summary>
    /// <exception cref="InvalidFileException">It is a CSV file that cannot be read.</exception>
    public static IEnumerable<string> FilesOf(string path) => CsvManifest.IsNamedSo(path) && File.Exists(path)
        ? CsvManifest.Labelled(path).Walk().Select(entry => ((DiskFile)entry).FullPath).Prepend(path)
        : [path];

    /// <summary>The images of one side, their classes by folders as <see cref="ClassLayout"/> reads them.</summary>
    private static FileList InClassFolders(FileTree tree, Split split)
    {
        var examples = OneOfEachFolder(tree);
        if (examples.Count == 0)
        {
            throw new DataException($"{tree.Root}: holds no .jpg, .jpeg or .png file; expected <class>/*, or test/<class>/*");
        }
        var shape = TreeShape.Of(examples, []);
        var outside = examples.FirstOrDefault(path => shape.Place(path) is null);
        return new FileList(tree.Root, Walk)
        {
            Archive = tree is FolderTree ? null : tree.Root,
            Warnings = outside is null ? [] : [$"images that are not in {shape.Expected} are left out, for example {outside}"],
        };

        IEnumerable<FileEntry> Walk() =>
            from entry in tree.Images()
            let place = shape.Place(entry.Path)
            where place is not null && (place.Value.Split ?? split) == split
            select entry with { Class = place.Value.Class };
    }

    /// <summary>Enough to read the meaning of the folders off: memory goes with folders, not with images.</summary>
    private static Dictionary<string, string>.ValueCollection OneOfEachFolder(FileTree tree)
    {
        var examples = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in tree.Images())
        {
            examples.TryAdd(entry.Path[..(entry.Path.LastIndexOf('/') + 1)], entry.Path);
        }
        return examples.Values;
    }
}
