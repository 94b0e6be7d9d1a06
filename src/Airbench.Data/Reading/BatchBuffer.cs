namespace Airbench.Data;

/// <summary>Room for the images of some batches and their pixels, used again and again: what bounds the memory of a reader.</summary>
/// <param name="capacity">Most images.</param>
/// <param name="imageBytes">Pixels of an image: 3 * S * S bytes.</param>
internal sealed class BatchBuffer(int capacity, int imageBytes)
{
    private readonly SourceImage[] _images = new SourceImage[capacity];
    private readonly byte[] _pixels = new byte[checked(capacity * imageBytes)];

    /// <summary>Images in the buffer.</summary>
    public int Count { get; private set; }

    /// <summary>Whether no other image fits in.</summary>
    public bool IsFull => Count == capacity;

    /// <summary>Forgets all images.</summary>
    public void Clear() => Count = 0;

    /// <summary>Takes an image in.</summary>
    /// <returns>Where its pixels go, planar RGB [3, S, S].</returns>
    public Memory<byte> Add(SourceImage image)
    {
        _images[Count] = image;
        return _pixels.AsMemory(Count++ * imageBytes, imageBytes);
    }

    /// <summary>The images as batches, once every one is decoded or has an error.</summary>
    public IEnumerable<DecodedBatch> Batches(int batchSize)
    {
        for (var first = 0; first < Count; first += batchSize)
        {
            var images = new ArraySegment<SourceImage>(_images, first, Math.Min(batchSize, Count - first));
            var readable = CloseGaps(images);
            yield return new DecodedBatch(images, readable, _pixels.AsMemory(first * imageBytes, readable * imageBytes));
        }
    }

    /// <summary>Moves the pixels of the readable images together, to the front of their batch.</summary>
    private int CloseGaps(ArraySegment<SourceImage> images)
    {
        var readable = 0;
        for (var i = 0; i < images.Count; i++)
        {
            if (images[i].Error is null)
            {
                if (readable < i)
                {
                    Array.Copy(_pixels, (images.Offset + i) * imageBytes, _pixels, (images.Offset + readable) * imageBytes, imageBytes);
                }
                readable++;
            }
        }
        return readable;
    }
}
