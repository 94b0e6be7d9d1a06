namespace Airbench.Data;

/// <summary>
/// A gzip file followed by a few bytes of 0xFF, so that one that is cut off in its last bytes is noticed: by itself GZipStream takes
/// any end for the end of the data. Behind a whole file the bytes are ignored, as gzip ignores what follows; behind a cut one they
/// break the checksum, or the decompressor asks for more.
/// </summary>
internal sealed class GuardedEndStream(Stream inner) : Stream
{
    /// <summary>More than what may be missing of checksum and length.</summary>
    private int _guardLeft = 16;

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
    /// <exception cref="EndOfStreamException">The decompressor wants more than there is.</exception>
    public override int Read(Span<byte> buffer)
    {
        var read = inner.Read(buffer);
        if (read > 0 || buffer.IsEmpty)
        {
            return read;
        }
        if (_guardLeft == 0)
        {
            throw new EndOfStreamException("the compressed data have no end");
        }
        read = Math.Min(buffer.Length, _guardLeft);
        buffer[..read].Fill(0xFF);
        _guardLeft -= read;
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
