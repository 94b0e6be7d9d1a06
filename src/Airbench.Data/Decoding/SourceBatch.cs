namespace Airbench.Data;

/// <summary>Some images, encoded and decoded, in buffers that are used again and again: what bounds the memory of a preparation.</summary>
internal sealed class SourceBatch(int imageSize)
{
    private const int MaxImages = 512;
    private const int MaxBytes = 16 << 20;   // encoded as well as decoded
    private readonly int _capacity = Math.Clamp(MaxBytes / (3 * imageSize * imageSize), 1, MaxImages);
    private byte[] _bytes = [];
    private byte[] _pixels = [];

    /// <summary>The images of the last <see cref="Fill"/>.</summary>
    public List<SourceImage> Images { get; } = [];

    /// <summary>Room for the decoded pixels of image <paramref name="i"/>, planar RGB [3, S, S].</summary>
    public Span<byte> Pixels(int i) => _pixels.AsSpan(i * 3 * imageSize * imageSize, 3 * imageSize * imageSize);

    /// <summary>Takes the next images and copies their bytes; false when there are none left.</summary>
    public bool Fill(IEnumerator<SourceImage> source)
    {
        Images.Clear();
        if (_pixels.Length == 0)
        {
            _pixels = new byte[_capacity * 3 * imageSize * imageSize];
        }
        if (_bytes.Length > 4 * MaxBytes)
        {
            _bytes = [];   // one huge file must not be paid for until the end
        }
        var used = 0;
        while (Images.Count < _capacity && used < MaxBytes && source.MoveNext())
        {
            var image = source.Current;
            var length = image.Bytes.Length;
            if (_bytes.Length - used < length)
            {
                Array.Resize(ref _bytes, Math.Max(used + length, 2 * _bytes.Length));   // earlier images keep the earlier array
            }
            image.Bytes.CopyTo(_bytes.AsMemory(used));
            image.Bytes = _bytes.AsMemory(used, length);
            used += length;
            Images.Add(image);
        }
        return Images.Count > 0;
    }
}
