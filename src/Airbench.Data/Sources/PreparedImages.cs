namespace Airbench.Data;

/// <summary>A split of a prepared set; its hash is that of the set. Nothing is decoded any more.</summary>
public sealed class PreparedImages : IEvaluationSource
{
    private readonly Dataset _dataset;
    private readonly ImageSplit _images;
    private readonly Split _split;

    /// <summary>Opens <paramref name="split"/> of <paramref name="dataset"/>.</summary>
    /// <exception cref="InvalidFileException">The file is damaged or does not fit the manifest.</exception>
    public PreparedImages(Dataset dataset, Split split)
    {
        (_dataset, _split) = (dataset, split);
        _images = dataset.OpenSplit(split);
        Name = $"{dataset.Manifest.Name}/{(split == Split.Train ? "train" : "test")}";
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string Sha256 => _dataset.Manifest.Sha256;

    /// <inheritdoc/>
    public bool Synthetic => _dataset.Manifest.IsSynthetic;

    /// <inheritdoc/>
    public IReadOnlyList<string> Classes => _dataset.Manifest.Classes;

    /// <inheritdoc/>
    public int Count => _images.Count;

    /// <inheritdoc/>
    public (int Size, Fit Fit)? Prepared => (_images.ImageSize, _dataset.Manifest.Fit);

    /// <inheritdoc/>
    public IEnumerable<SourceImage> Read(Func<int, bool> wanted) =>
        from image in _images.Paths().Index()
        where wanted(image.Index)
        select new SourceImage { Index = image.Index, Path = image.Item, Split = _split, Label = (int)_images.Labels[image.Index] };

    /// <inheritdoc/>
    public void Decode(SourceImage image, ImageDecoder decoder, int size, Span<byte> planarRgb)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(size, _images.ImageSize);
        _images.Images(image.Index, 1).CopyTo(planarRgb);
    }

    /// <inheritdoc/>
    public void Dispose() => _images.Dispose();
}
