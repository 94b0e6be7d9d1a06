namespace Airbench.Data;

/// <summary>A file or folder of a directory, not of an archive: what is wrong with it says nothing about the others.</summary>
internal record DiskFile(string Path, bool IsFolder, long Position, string FullPath) : FileEntry(Path, IsFolder, Position)
{
    /// <inheritdoc/>
    public override long? Bytes => new FileInfo(FullPath) is { Exists: true } file ? file.Length : null;

    /// <inheritdoc/>
    public override ReadOnlyMemory<byte> Read(ref byte[] buffer, int maxBytes)
    {
        using var content = new FileStream(FullPath, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        return ReadAll(content, ref buffer, maxBytes);
    }
}
