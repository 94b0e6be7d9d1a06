namespace Airbench.Data;

/// <summary>
/// A gzip file followed by a few bytes of 0xFF, so that one that is cut off in its last bytes is noticed: by itself GZipStream takes
/// any end for the end of the data. Behind a whole file the bytes are ignored, as gzip ignores what follows; behind a cut one they
/// break the checksum, or the decompressor asks for more.
/// </summary>
internal sealed class GuardedEndStream(Stream inner) : ForwardStream(inner)
{
    /// <summary>More than what may be missing of checksum and length.</summary>
    private int _guardLeft = 16;

    /// <inheritdoc/>
    /// <exception cref="EndOfStreamException">The decompressor wants more than there is.</exception>
    public override int Read(Span<byte> buffer)
    {
        var read = Inner.Read(buffer);
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
}
