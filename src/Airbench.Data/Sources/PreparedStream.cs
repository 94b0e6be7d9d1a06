namespace Airbench.Data;

/// <summary>A split of a prepared set; its hash is that of the set.</summary>
public sealed class PreparedStream : ImageStream
{
    private readonly Dataset _dataset;
    private readonly ImageSplit _images;

    /// <summary>Opens <paramref name="split"/> of <paramref name="dataset"/>.</summary>
    /// <exception cref="InvalidFileException">The file is damaged or does not fit the manifest.</exception>
    public PreparedStream(Dataset dataset, Split split)
    {
        _dataset = dataset;
        _images = dataset.OpenSplit(split);
        Name = $"{dataset.Manifest.Name}/{(split == Split.Train ? "train" : "test")}";
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override string Sha256 => _dataset.Manifest.Sha256;

    /// <inheritdoc/>
    public override bool Synthetic => _dataset.Manifest.IsSynthetic;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Classes => _dataset.Manifest.Classes;

    /// <inheritdoc/>
    public override int Count => _images.Count;

    /// <inheritdoc/>
    public override int? FixedSize => _images.ImageSize;

    /// <inheritdoc/>
    internal override IEnumerable<ImageChunk> Produce(int imageSize, int batchSize, Shard shard, ChunkPool pool, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(imageSize, _images.ImageSize);
        using var paths = _images.Paths().GetEnumerator();
        for (var (block, first) = (0, 0); first < Count; block++, first += batchSize)
        {
            cancel.ThrowIfCancellationRequested();
            var count = Math.Min(batchSize, Count - first);
            if (!shard.Owns(block))
            {
                for (var i = 0; i < count; i++)
                {
                    paths.MoveNext();
                }
                continue;
            }
            var chunk = pool.Take();
            for (var i = first; i < first + count; i++)
            {
                paths.MoveNext();
                chunk.Add(new StreamedImage(i, paths.Current, (int)_images.Labels[i], null), _images.Images(i, 1));
            }
            yield return chunk;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _images.Dispose();
        }
        base.Dispose(disposing);
    }
}
