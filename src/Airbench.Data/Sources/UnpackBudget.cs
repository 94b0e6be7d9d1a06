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
                $"{archive}: unpacks to more than {maxBytes:N0} bytes ({Place}); raise max_unpacked_bytes if that is right");
        }
        if (_headerLeft < 0)
        {
            throw new InvalidFileException(archive, $"has a header of more than {MaxHeader:N0} bytes {Place}");
        }
    }

    /// <summary>The error for content that does not decompress.</summary>
    public InvalidFileException Damaged(Exception inner) => new(archive, $"is damaged or cut off {Place}: {inner.Message}", inner);
}

/// <summary>A read-only, forward-only stream under an <see cref="UnpackBudget"/>.</summary>
internal sealed class BudgetedStream(Stream inner, UnpackBudget budget) : Stream
{
    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        int read;
        try
        {
            read = inner.Read(buffer);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw budget.Damaged(e);
        }
        budget.Take(read);
        return read;
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }
        base.Dispose(disposing);
    }
}
