namespace Airbench.Data;

/// <summary>A file or folder of a directory, not of an archive: what is wrong with it says nothing about the others.</summary>
internal record DiskFile(string Path, bool IsFolder, long Position, string FullPath) : FileEntry(Path, IsFolder, Position)
{
    /// <summary>Where the file is.</summary>
    public virtual string Location => FullPath;

    /// <inheritdoc/>
    public override long? Bytes => new FileInfo(FullPath) is { Exists: true } file ? file.Length : null;

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> Head()
    {
        try
        {
            using var content = Open();
            return HeadOf(content);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return default;
        }
    }

    /// <inheritdoc/>
    public override (ReadOnlyMemory<byte> Bytes, string? Error) TryRead(ref byte[] buffer) =>
        Problem() is { } problem ? (default, Unreadable(problem)) : base.TryRead(ref buffer);

    /// <summary>Why it is not even opened; null where it can be.</summary>
    protected virtual string? Problem()
    {
        if (Path.Contains('\0', StringComparison.Ordinal))
        {
            return "there is a NUL character in the path";
        }
        return FileKind.Unusual(Location) is { } what ? $"it is {what}, not a file" : null;
    }

    /// <inheritdoc/>
    protected override ReadOnlyMemory<byte>? ReadUpTo(ref byte[] buffer, int maxBytes)
    {
        using var content = Open();
        return content.Length > maxBytes ? null : ReadAll([], content, ref buffer, maxBytes);
    }

    private FileStream Open() => new(Location, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
}
