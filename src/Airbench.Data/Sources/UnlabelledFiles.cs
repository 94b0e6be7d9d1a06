namespace Airbench.Data;

/// <summary>Images without labels, for a prediction: any mixture of image files, directories, archives, and CSV files with a column path.</summary>
public static class UnlabelledFiles
{
    /// <summary>Opens everything, one after the other.</summary>
    /// <param name="paths">As the user named them; the paths of images begin with them.</param>
    /// <param name="maxUnpackedBytes">Bound on what an archive unpacks to.</param>
    /// <param name="progress">Told about warnings.</param>
    /// <param name="cancel">Ends the first pass, which counts images.</param>
    /// <exception cref="DataException">No images at all.</exception>
    /// <exception cref="InvalidFileException">A file that is no image by its name, no archive and no CSV, or is damaged.</exception>
    public static FileSource Open(IReadOnlyList<string> paths, long maxUnpackedBytes, IProgress progress, CancellationToken cancel)
    {
        var lists = paths.Select(path => List(path, maxUnpackedBytes)).ToList();
        var all = new FileList(string.Join(", ", lists.Select(list => list.Root)), () => lists.SelectMany(list => list.Walk()));
        return FileSource.Scan(all, string.Join(' ', paths.Select(PathName.Of)), progress, cancel);
    }

    /// <summary>An image file need not exist: that is for its row to say.</summary>
    private static FileList List(string path, long maxUnpackedBytes) =>
        Directory.Exists(path) ? Below(new FolderTree(path), Path.EndsInDirectorySeparator(path) ? path : path + "/")
        : CsvManifest.IsNamedSo(path) && File.Exists(path) ? CsvManifest.Unlabelled(path)
        : ImageDecoder.HasImageExtension(path) || !File.Exists(path) ? new FileList(path, () => [new DiskFile(path, IsFolder: false, Position: 1, path)])
        : Below(FileTree.Open(path, maxUnpackedBytes), path + "/");

    private static FileList Below(FileTree tree, string prefix) =>
        new(tree.Root, () => tree.Images().Select(entry => entry with { Path = prefix + entry.Path }));
}
