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
    /// <param name="progress">Told about warnings and what is left out.</param>
    /// <param name="cancel">Ends the first pass, which counts images and classes.</param>
    /// <param name="nameEncoding">Of the names in a .zip that are not marked as UTF-8; null for UTF-8.</param>
    /// <exception cref="DataException">Nothing is there, no labelled images, or one twice.</exception>
    /// <exception cref="InvalidFileException">A file that is no archive and no CSV, or is damaged.</exception>
    public static FileSource Open(
        string path, Split split, long maxUnpackedBytes, IProgress progress, CancellationToken cancel, string? nameEncoding = null)
    {
        if (!Path.Exists(path))
        {
            throw new DataException($"{path}: does not exist (looked at {Path.GetFullPath(path)}); "
                + "expected a directory of <class>/*, a .tar, .tar.gz or .zip of it, or a .csv with path,label");
        }
        NameEncodingOption.RequireZip(nameEncoding, path);
        var files = Is(GivenKind.Csv, path) ? CsvManifest.Labelled(path)
            : Is(GivenKind.Image, path) ? throw new InvalidFileException(path, "is an image without a label; expected a folder or archive of <class>/*, or a CSV file with path,label")
            : InClassFolders(FileTree.Open(path, maxUnpackedBytes, nameEncoding), split, cancel);
        return FileSource.Scan(files, PathName.Of(path), progress, cancel);
    }

    /// <summary>What <see cref="Open"/> would read: the directory or archive itself; of a CSV file also the images that it names.</summary>
    /// <exception cref="InvalidFileException">It is a CSV file that cannot be read.</exception>
    public static IEnumerable<string> FilesOf(string path) => File.Exists(path) && Is(GivenKind.Csv, path)
        ? CsvManifest.Labelled(path).Walk(null).OfType<CsvRow>().Where(row => row.IsPath).Select(row => row.Location).Prepend(path)
        : [path];

    private static bool Is(GivenKind kind, string path)
    {
        if (Directory.Exists(path))
        {
            return false;
        }
        FileKind.Require(path);
        return GivenFile.KindOf(path) == kind;
    }

    /// <summary>The images of one side, their classes by folders as <see cref="TreeShape"/> reads them.</summary>
    private static FileList InClassFolders(FileTree tree, Split split, CancellationToken cancel)
    {
        var examples = OneOfEachFolder(tree, cancel);
        if (examples.Count == 0)
        {
            var found = new LeftOut();
            _ = tree.Images(found).Any();
            var also = string.Concat(found.Lines().Select(line => $"; {line.Line}"));
            throw new DataException($"{tree.Root}: holds no image; expected <class>/*, or test/<class>/*, of {ImageFormats.ReadNames}{also}");
        }
        var shape = TreeShape.Of(examples, []);
        return new FileList(tree.Root, Walk)
        {
            Archive = tree is FolderTree ? null : tree.Root,
            Warnings = shape.Notes,
            Expected = shape.Expected,
            IsDistinct = tree is not FolderTree,
        };

        IEnumerable<FileEntry> Walk(LeftOut? leftOut)
        {
            foreach (var entry in tree.Images(leftOut))
            {
                if (shape.Place(entry.Path) is not { } place)
                {
                    leftOut?.AddOutside(shape.Outside(entry.Path), entry.Path);
                }
                else if ((place.Split ?? split) == split)
                {
                    yield return entry with { Class = place.Class };
                }
            }
        }
    }

    /// <summary>Enough to read the meaning of the folders off: memory goes with folders, not with images.</summary>
    private static Dictionary<string, string>.ValueCollection OneOfEachFolder(FileTree tree, CancellationToken cancel)
    {
        var examples = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in tree.Images())
        {
            cancel.ThrowIfCancellationRequested();
            examples.TryAdd(entry.Path[..(entry.Path.LastIndexOf('/') + 1)], entry.Path);
        }
        return examples.Values;
    }
}
