namespace Airbench.Data;

/// <summary>The files of an archive, unpacked one after the other under a bound on what they may come to.</summary>
internal abstract class ArchiveTree(string path, long maxUnpackedBytes) : FileTree
{
    /// <inheritdoc/>
    public override string Root => path;

    /// <inheritdoc/>
    public override long Length { get; } = FileLength.Of(path);

    /// <inheritdoc/>
    public override string Unit => "bytes";

    /// <inheritdoc/>
    public override IEnumerable<FileEntry> Walk(LeftOut? leftOut = null)
    {
        using var file = File.OpenRead(path);
        foreach (var entry in Walk(file, new UnpackBudget(path, maxUnpackedBytes)))
        {
            if (entry.Path.Length == 0)
            {
                continue;   // the root itself
            }
            if (EntryName.IsHidden(entry.Path))
            {
                if (!entry.IsFolder)
                {
                    ImageSieve.CountHidden(entry.Path, leftOut);
                }
                continue;
            }
            yield return entry;
        }
    }

    /// <summary>Every entry, the root included, with its name made safe.</summary>
    protected abstract IEnumerable<FileEntry> Walk(FileStream file, UnpackBudget budget);
}
