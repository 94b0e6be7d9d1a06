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

    /// <summary>What two entries have in common that are the same image.</summary>
    public virtual string Identity => Path;

    /// <summary>The first <see cref="ImageFormats.HeadBytes"/>, or all there are; empty where the file cannot be read. Before <see cref="Read"/>.</summary>
    /// <exception cref="InvalidFileException">The archive is damaged here.</exception>
    public abstract ReadOnlyMemory<byte> Head();

    /// <summary>The whole content, into <paramref name="buffer"/>, which grows as needed.</summary>
    /// <exception cref="DataException">Larger than <paramref name="maxBytes"/>.</exception>
    /// <exception cref="InvalidFileException">The archive is damaged here.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file must not be read.</exception>
    public ReadOnlyMemory<byte> Read(ref byte[] buffer, int maxBytes = FileTree.MaxFileBytes) =>
        ReadUpTo(ref buffer, maxBytes) ?? throw new DataException($"'{Path}' {TooLarge(maxBytes)}");

    /// <summary>The whole content, or why this file alone cannot be used: that is a broken image, not a broken source.</summary>
    /// <exception cref="InvalidFileException">The archive is damaged here.</exception>
    public virtual (ReadOnlyMemory<byte> Bytes, string? Error) TryRead(ref byte[] buffer)
    {
        try
        {
            return ReadUpTo(ref buffer, FileTree.MaxFileBytes) is { } bytes ? (bytes, null) : (default, TooLarge(FileTree.MaxFileBytes));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (default, Unreadable(e.Message));
        }
    }

    /// <summary>The whole content; null where it is larger than <paramref name="maxBytes"/>.</summary>
    protected abstract ReadOnlyMemory<byte>? ReadUpTo(ref byte[] buffer, int maxBytes);

    /// <summary>The error of an image whose file cannot be read.</summary>
    protected static string Unreadable(string why) => $"cannot be read: {why}";

    /// <summary>At most <see cref="ImageFormats.HeadBytes"/> of <paramref name="content"/>.</summary>
    protected static byte[] HeadOf(Stream content)
    {
        var head = new byte[ImageFormats.HeadBytes];
        return head[..content.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
    }

    /// <summary>Reads <paramref name="content"/> to its end behind what was read of it before; null where that comes to more than may be.</summary>
    protected static ReadOnlyMemory<byte>? ReadAll(ReadOnlySpan<byte> head, Stream content, ref byte[] buffer, int maxBytes)
    {
        if (buffer.Length < head.Length)
        {
            Array.Resize(ref buffer, 64 << 10);
        }
        head.CopyTo(buffer);
        var used = head.Length;
        while (true)
        {
            if (used > maxBytes)
            {
                return null;
            }
            if (used == buffer.Length)
            {
                Array.Resize(ref buffer, (int)Math.Max(64 << 10, Math.Min(2L * used, maxBytes + 1L)));
            }
            var read = content.Read(buffer, used, buffer.Length - used);
            if (read == 0)
            {
                return buffer.AsMemory(0, used);
            }
            used += read;
        }
    }

    private static string TooLarge(int maxBytes) => FormattableString.Invariant($"is larger than {maxBytes:N0} bytes, more than an image needs");
}
