namespace Airbench.Data;

/// <summary>Counts what an archive really unpacks to, whatever its headers declare, and names the entry that breaks the bound.</summary>
internal sealed class UnpackBudget(string archive, long maxBytes)
{
    /// <summary>Largest header (long names and the like) between two entries, bytes.</summary>
    private const long MaxHeader = 1 << 20;

    private long _used;
    private long _headerLeft = long.MaxValue;

    /// <summary>The archive, for messages.</summary>
    public string Archive => archive;

    /// <summary>The entry being unpacked.</summary>
    public string Entry { get; set; } = "";

    /// <summary>Where the reading is, for messages.</summary>
    public string Place => Entry.Length == 0 ? "at its beginning" : $"at or after entry '{Entry}'";

    /// <summary>From now until <see cref="EndHeader"/> only a header is read.</summary>
    public void BeginHeader() => _headerLeft = MaxHeader;

    /// <summary>The header is over.</summary>
    public void EndHeader() => _headerLeft = long.MaxValue;

    /// <summary>Accounts for unpacked bytes.</summary>
    public void Take(int bytes)
    {
        _used += bytes;
        _headerLeft -= bytes;
        if (_used > maxBytes)
        {
            throw new DataException(
                $"{archive}: unpacks to more than {maxBytes:N0} bytes ({Place}); raise max_unpacked_bytes if that is expected");
        }
        if (_headerLeft < 0)
        {
            throw new InvalidFileException(archive, $"has a header of more than {MaxHeader:N0} bytes {Place}");
        }
    }

    /// <summary>The error for content that does not decompress.</summary>
    public InvalidFileException Damaged(Exception inner) => new(archive, $"is damaged or cut off {Place}: {inner.Message}", inner);
}
