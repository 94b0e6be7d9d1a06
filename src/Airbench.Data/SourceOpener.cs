namespace Airbench.Data;

/// <summary>From options to the source that they name.</summary>
internal static class SourceOpener
{
    /// <summary>Opens it; CIFAR may have to be downloaded, and class folders are read once for their content hashes.</summary>
    /// <inheritdoc cref="Preparer.Prepare"/>
    public static IImageSource Open(
        PrepareOptions options, string dataRoot, int seed, IProgress progress, CancellationToken cancel) => options.Source switch
        {
            DataSource.Cifar10 => OpenCifar(CifarSet.Cifar10, options, dataRoot, progress, cancel),
            DataSource.Cifar100 => OpenCifar(CifarSet.Cifar100, options, dataRoot, progress, cancel),
            DataSource.Archive or DataSource.Folder => ClassFolders.Open(OpenTree(options), options.TestFraction, progress, cancel),
            _ => new DrawnImages(SyntheticImages.Classes, SyntheticImages.Draw, seed, options.TrainCount, options.TestCount),
        };

    private static CifarImages OpenCifar(
        CifarSet set, PrepareOptions options, string dataRoot, IProgress progress, CancellationToken cancel) =>
        CifarImages.Open(set, FileOf(set, options, dataRoot).Locate(progress, cancel), options.MaxUnpackedBytes, progress, cancel);

    /// <summary>Where the archive of a CIFAR set is looked for.</summary>
    public static CifarFile FileOf(CifarSet set, PrepareOptions options, string dataRoot) => new(set, dataRoot)
    {
        ExplicitPath = options.Path,
        AirbenchData = Environment.GetEnvironmentVariable("AIRBENCH_DATA"),
        MayDownload = options.Download,
    };

    private static FileTree OpenTree(PrepareOptions options)
    {
        RequireTree(options);
        NameEncodingOption.RequireZip(options.NameEncoding, options.Path!);
        return FileTree.Open(options.Path!, options.MaxUnpackedBytes, options.NameEncoding);
    }

    /// <summary>Whether the folder or archive is there, and is what the source says.</summary>
    /// <exception cref="DataException">It is not.</exception>
    public static void RequireTree(PrepareOptions options)
    {
        var path = options.Path!;
        var (isFile, isFolder) = (File.Exists(path), Directory.Exists(path));
        var expected = options.Source == DataSource.Archive ? "a .tar, .tar.gz, .tgz or .zip file" : "a directory";
        if (!isFile && !isFolder)
        {
            throw new DataException($"{path}: does not exist (looked at {Path.GetFullPath(path)}); expected {expected}");
        }
        if (isFolder != (options.Source == DataSource.Folder))
        {
            var (found, source) = isFolder ? ("a directory", "folder") : ("a file", "archive");
            throw new DataException($"{path}: is {found}; source {options.SourceName} expects {expected}. Use source: {source}");
        }
    }
}
