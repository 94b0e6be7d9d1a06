namespace Airbench.Data;

/// <summary>A file or folder that the walk through a <see cref="FileTree"/> or list comes to.</summary>
/// <param name="Path">Relative to the root, separated by '/', without '.' or '..'.</param>
/// <param name="IsFolder">Whether it is a folder.</param>
/// <param name="Position">How far the walk has come, in <see cref="FileTree.Unit"/>s.</param>
internal abstract record FileEntry(string Path, bool IsFolder, long Position)
{
    /// <summary>The class that an image is said to be of; null where nothing is said.</summary>
    public string? Class { get; init; }

    /// <summary>Size of a file that was found on disk; null in an archive and where there is no such file.</summary>
    public virtual long? Bytes => null;

    /// <summary>The whole content, into <paramref name="buffer"/>, which grows as needed.</summary>
    /// <exception cref="DataException">Larger than <paramref name="maxBytes"/>.</exception>
    /// <exception cref="InvalidFileException">The archive is damaged here.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file must not be read.</exception>
    public abstract ReadOnlyMemory<byte> Read(ref byte[] buffer, int maxBytes = FileTree.MaxFileBytes);

    /// <summary>The whole content, or why this file alone cannot be read: that is a broken image, not a broken source.</summary>
    /// <exception cref="DataException">Larger than any image.</exception>
    /// <exception cref="InvalidFileException">The archive is damaged here.</exception>
    public (ReadOnlyMemory<byte> Bytes, string? Error) TryRead(ref byte[] buffer)
    {
        try
        {
            return (Read(ref buffer), null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (default, Unreadable(e));
        }
    }

    /// <summary>The error of an image whose file cannot be read.</summary>
    public static string Unreadable(Exception e) => $"cannot be read: {e.Message}";

    /// <summary>Reads <paramref name="content"/> to its end.</summary>
    protected ReadOnlyMemory<byte> ReadAll(Stream content, ref byte[] buffer, int maxBytes)
    {
        var used = 0;
        while (true)
        {
            if (used == buffer.Length)
            {
                Array.Resize(ref buffer, (int)Math.Max(64 << 10, Math.Min(2L * used, maxBytes + 1L)));
            }
            var read = content.Read(buffer, used, buffer.Length - used);
            used += read;
            if (used > maxBytes)
            {
                throw new DataException($"'{Path}' is larger than {maxBytes:N0} bytes, more than an image needs");
            }
            if (read == 0)
            {
                return buffer.AsMemory(0, used);
            }
        }
    }
}
