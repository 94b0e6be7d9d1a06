namespace Airbench.Data;

/// <summary>Images without labels, for a prediction: any mixture of image files, directories, archives, and CSV files with a column path.</summary>
public static class UnlabelledFiles
{
    /// <summary>Opens everything, one after the other.</summary>
    /// <param name="paths">As the user named them; the paths of images begin with them.</param>
    /// <param name="maxUnpackedBytes">Bound on what an archive unpacks to.</param>
    /// <param name="progress">Told about warnings and what is left out.</param>
    /// <param name="cancel">Ends the first pass, which counts images.</param>
    /// <param name="nameEncoding">Of the names in a .zip that are not marked as UTF-8; null for UTF-8.</param>
    /// <exception cref="ConfigurationException">A path is empty, or an option would do nothing.</exception>
    /// <exception cref="DataException">No images at all.</exception>
    /// <exception cref="InvalidFileException">A file that is no image, no archive and no CSV, or is damaged.</exception>
    public static FileSource Open(
        IReadOnlyList<string> paths, long maxUnpackedBytes, IProgress progress, CancellationToken cancel, string? nameEncoding = null)
    {
        if (paths.Any(string.IsNullOrEmpty))
        {
            throw new ConfigurationException("images: found an empty path; expected an image, a folder, an archive or a CSV file");
        }
        NameEncodingOption.RequireZip(nameEncoding, paths);
        var lists = paths.Select(path => List(path, maxUnpackedBytes, nameEncoding)).ToList();
        var all = new FileList(string.Join(", ", lists.Select(list => list.Root)), leftOut => lists.SelectMany(list => list.Walk(leftOut)));
        return FileSource.Scan(all, string.Join(' ', paths.Select(PathName.Of)), progress, cancel);
    }

    /// <summary>An image file need not exist, nor be one that can be opened: that is for its row to say.</summary>
    private static FileList List(string path, long maxUnpackedBytes, string? nameEncoding)
    {
        if (Directory.Exists(path))
        {
            return Below(new FolderTree(path), Path.EndsInDirectorySeparator(path) ? path : path + "/");
        }
        if (!File.Exists(path) || FileKind.Unusual(path) is not null)
        {
            return Single(path);
        }
        return GivenFile.KindOf(path) switch
        {
            GivenKind.Image => Single(path),
            GivenKind.Csv => CsvManifest.Unlabelled(path),
            GivenKind.Archive => Below(FileTree.Open(path, maxUnpackedBytes, nameEncoding), path + "/"),
            _ => throw new InvalidFileException(
                path, $"is no image ({ImageFormats.ReadNames}), no .tar, .tar.gz or .zip archive, and no CSV file with a column path: {FileTree.Describe(GivenFile.HeadOf(path))}"),
        };
    }

    private static FileList Single(string path) => new(path, _ => [new DiskFile(path, IsFolder: false, Position: 1, path)]);

    private static FileList Below(FileTree tree, string prefix) =>
        new(tree.Root, leftOut => tree.Images(leftOut).Select(entry => entry with { Path = prefix + entry.Path }));
}
