namespace Airbench;

/// <summary>How long a file is.</summary>
public static class FileLength
{
    /// <summary>Bytes of <paramref name="path"/>; of a link those of the file that it leads to (<see cref="FileInfo.Length"/> gives the link's own).</summary>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    /// <exception cref="InvalidFileException">It is no regular file.</exception>
    public static long Of(string path)
    {
        FileKind.Require(path);
        using var file = File.OpenHandle(path);
        return RandomAccess.GetLength(file);
    }
}
