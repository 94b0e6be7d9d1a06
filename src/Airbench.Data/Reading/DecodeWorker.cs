namespace Airbench.Data;

/// <summary>What one thread of a <see cref="BatchReader"/> decodes with: a decoder, and room for the file that it is at.</summary>
internal sealed class DecodeWorker(DecodeMemory memory, Fit fit) : IDisposable
{
    private byte[] _file = [];

    /// <summary>Its own, as it is not thread-safe.</summary>
    public ImageDecoder Decoder { get; } = new(memory) { Fit = fit };

    /// <summary>Copies the bytes of <paramref name="image"/>, so that the source can go on to the next.</summary>
    public void Keep(SourceImage image)
    {
        var length = image.Bytes.Length;
        if (_file.Length < length)
        {
            _file = new byte[Math.Max(length, 2 * _file.Length)];
        }
        image.Bytes.CopyTo(_file);
        image.Bytes = _file.AsMemory(0, length);
    }

    /// <inheritdoc/>
    public void Dispose() => Decoder.Dispose();
}
