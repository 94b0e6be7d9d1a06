namespace Airbench.Data;

/// <summary>An image on its way through an evaluation or prediction.</summary>
/// <param name="Index">Number in its source, from 0, broken images included.</param>
/// <param name="Path">Where it came from.</param>
/// <param name="Label">Its class, an index into <see cref="ImageStream.Classes"/>; -1 where it is not known.</param>
/// <param name="Error">Why it cannot be used; null where it can.</param>
public readonly record struct StreamedImage(int Index, string Path, int Label, string? Error);

/// <summary>One batch: its images, and the pixels of those that can be used, one after the other.</summary>
public sealed class ImageChunk
{
    private byte[] _pixels;
    private int _used;

    internal ImageChunk(byte[] buffer) => _pixels = buffer;

    /// <summary>All images in the order of the source.</summary>
    public List<StreamedImage> Images { get; } = [];

    /// <summary>How many of them have pixels.</summary>
    public int ReadableCount { get; private set; }

    /// <summary>uint8 [<see cref="ReadableCount"/>,3,S,S], planar RGB.</summary>
    public ReadOnlySpan<byte> Pixels => _pixels.AsSpan(0, _used);

    internal void Add(StreamedImage image, ReadOnlySpan<byte> pixels)
    {
        Images.Add(image);
        if (image.Error is null)
        {
            if (_pixels.Length - _used < pixels.Length)
            {
                Array.Resize(ref _pixels, Math.Max(_used + pixels.Length, 2 * _pixels.Length));
            }
            pixels.CopyTo(_pixels.AsSpan(_used));
            _used += pixels.Length;
            ReadableCount++;
        }
    }

    internal void Clear()
    {
        Images.Clear();
        (_used, ReadableCount) = (0, 0);
    }
}

/// <summary>
/// Images in a fixed order, decoded in batches ahead of their use on threads of their own; memory does not grow with their number.
/// </summary>
public abstract class ImageStream : IDisposable
{
    /// <summary>Batches that wait for their use at most: one in use, one ready, one in the making.</summary>
    private const int Ahead = 1;

    /// <summary>Name of the source in results.</summary>
    public abstract string Name { get; }

    /// <summary>SHA-256 that tells this source from another; see the classes for what it covers.</summary>
    public abstract string Sha256 { get; }

    /// <summary>Whether the images are drawn.</summary>
    public virtual bool Synthetic => false;

    /// <summary>Class names; a label is an index into them. Empty where there are no labels.</summary>
    public abstract IReadOnlyList<string> Classes { get; }

    /// <summary>Images, those of all shards, broken ones included.</summary>
    public abstract int Count { get; }

    /// <summary>Height and width that the images have and keep; null where any size can be asked for.</summary>
    public virtual int? FixedSize => null;

    /// <summary>What the user should know about the source.</summary>
    public virtual IReadOnlyList<string> Warnings => [];

    /// <summary>
    /// The batches of <paramref name="shard"/>. Batch b holds the images from b * <paramref name="batchSize"/>; each is valid until the next
    /// is asked for.
    /// </summary>
    /// <param name="imageSize">Height and width S of the pixels.</param>
    /// <param name="batchSize">Images of a batch, broken ones included.</param>
    /// <param name="shard">Which batches.</param>
    /// <param name="cancel">Ends the work within a batch.</param>
    /// <exception cref="DataException">The source changed, or an archive breaks a bound.</exception>
    public IEnumerable<ImageChunk> Read(int imageSize, int batchSize, Shard shard, CancellationToken cancel) =>
        Prefetch.Run((pool, stop) => Produce(imageSize, batchSize, shard, pool, stop), Ahead, cancel);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>The batches, made on a thread of their own.</summary>
    internal abstract IEnumerable<ImageChunk> Produce(int imageSize, int batchSize, Shard shard, ChunkPool pool, CancellationToken cancel);

    /// <summary>Releases files.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}
