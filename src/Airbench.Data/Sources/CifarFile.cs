namespace Airbench.Data;

/// <summary>Where a CIFAR archive is looked for, in this order: an explicit path, the data folder, AIRBENCH_DATA, the home page.</summary>
internal sealed record CifarFile(CifarSet Set, string DataRoot)
{
    /// <summary>An archive, or a directory with it, that the user named; then nothing else is tried.</summary>
    public string? ExplicitPath { get; init; }

    /// <summary>Value of the environment variable AIRBENCH_DATA: a directory or the archive itself.</summary>
    public string? AirbenchData { get; init; }

    /// <summary>Whether it may be downloaded.</summary>
    public bool MayDownload { get; init; } = true;

    /// <summary>Where it is downloaded from.</summary>
    public Uri BaseUrl { get; init; } = CifarSet.HomePage;

    /// <summary>Where it would be downloaded from.</summary>
    public Uri Url => new(BaseUrl, Set.FileName);

    private string Target => Path.Combine(DataRoot, Set.FileName);

    /// <summary>Path of the archive, after its size and MD5 were checked.</summary>
    /// <exception cref="DataException">It is nowhere; the message says which file to put where.</exception>
    /// <exception cref="InvalidFileException">A file of that name is another one.</exception>
    public string Locate(IProgress progress, CancellationToken cancel)
    {
        if (Find() is { } found)
        {
            return found;
        }
        progress.Info($"{Set.FileName} was not found; downloading {Url} ({Set.Bytes:N0} bytes) to {Target}");
        try
        {
            Directory.CreateDirectory(DataRoot);
            Download.ToFileAsync(Url, Target, Set.Bytes, Set.Md5, progress, cancel).GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is HttpRequestException or IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{Missing} The download failed: {e.Message}. {WhatToDo(Target)}", e);
        }
        return Target;
    }

    /// <summary>The archive where it is on disk, after its size and MD5 were checked; null where it has to be downloaded, and may be.</summary>
    /// <inheritdoc cref="Locate"/>
    public string? Find()
    {
        if (Places.FirstOrDefault(File.Exists) is { } found)
        {
            return FileCheck.Problem(found, Set.Bytes, Set.Md5) is { } problem
                ? throw new InvalidFileException(found, $"is not the original {Set.FileName}: {problem}. {WhatToDo(found)}")
                : found;
        }
        return ExplicitPath is null && MayDownload ? null : throw new DataException($"{Missing} {WhatToDo(Places[0])}");
    }

    private string[] Places => ExplicitPath is { } named ? [In(named)] : AirbenchData is { Length: > 0 } data ? [Target, In(data)] : [Target];

    private string Missing => $"{Set.FileName} was not found; looked for {string.Join(" and ", Places)}.";

    private string In(string path) => Directory.Exists(path) ? Path.Combine(path, Set.FileName) : path;

    private string WhatToDo(string path) =>
        $"Put {Url} ({Set.Bytes:N0} bytes, md5 {Set.Md5}) at {Path.GetFullPath(path)}, "
        + "or try the product without it: --demo runs on drawn images. For images of your own, say so: --source folder or archive";
}
