namespace Airbench.Data;

/// <summary>What the prepare stage will need for its source, found out without reading images.</summary>
/// <param name="Found">Where the images come from, for people.</param>
/// <param name="Images">How many there are; null where only reading the source would tell.</param>
/// <param name="Download">The address that the source has to be downloaded from; null where it is here.</param>
/// <param name="DownloadBytes">Size of the download.</param>
public sealed record SourceNeeds(string Found, int? Images, Uri? Download = null, long DownloadBytes = 0)
{
    private const int CifarImages = 60_000;

    /// <summary>Looks for the source.</summary>
    /// <param name="options">With a path that is absolute, or relative to the working folder.</param>
    /// <param name="dataRoot">The folder in which CIFAR archives are looked for.</param>
    /// <exception cref="DataException">It is not there and cannot be downloaded; the message says what to do.</exception>
    /// <exception cref="InvalidFileException">Another file is in its place.</exception>
    public static SourceNeeds Of(PrepareOptions options, string dataRoot)
    {
        switch (options.Source)
        {
            case DataSource.Cifar10:
                return OfCifar(CifarSet.Cifar10, options, dataRoot);
            case DataSource.Cifar100:
                return OfCifar(CifarSet.Cifar100, options, dataRoot);
            case DataSource.Synthetic:
                return new("drawn by the program", options.TrainCount + options.TestCount);
            case DataSource.Archive:
                SourceOpener.RequireTree(options);
                return new(options.Path!, null);
            default:
                SourceOpener.RequireTree(options);
                return new(options.Path!, new FolderTree(options.Path!).Images().Count());
        }
    }

    private static SourceNeeds OfCifar(CifarSet set, PrepareOptions options, string dataRoot)
    {
        var file = SourceOpener.FileOf(set, options, dataRoot);
        return file.Find() is { } found ? new(found, CifarImages) : new(set.FileName, CifarImages, file.Url, set.Bytes);
    }
}
