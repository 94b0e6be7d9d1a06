namespace Airbench.Data;

/// <summary>Images that the product draws itself, on the decoding threads.</summary>
internal sealed class DrawnImages(IReadOnlyList<string> classes, DrawImage draw, int seed, int trainCount, int testCount) : IImageSource
{
    private const int DrawnSize = 32;

    /// <inheritdoc/>
    public IReadOnlyList<string> Classes => classes;

    /// <inheritdoc/>
    public int Count => trainCount + testCount;

    /// <inheritdoc/>
    public IEnumerable<SourceImage> Read(Func<int, bool> wanted) =>
        from index in Enumerable.Range(0, Count).Where(wanted)
        let split = index < trainCount ? Split.Train : Split.Test
        select new SourceImage
        {
            Index = index,
            Path = FormattableString.Invariant($"{split}/{NumberInSplit(split, index):D6}").ToLowerInvariant(),
            Split = split,
        };

    /// <inheritdoc/>
    public void Decode(SourceImage image, ImageDecoder decoder, int size, Span<byte> planarRgb)
    {
        Span<byte> drawn = stackalloc byte[3 * DrawnSize * DrawnSize];
        image.Label = draw(seed, image.Split, NumberInSplit(image.Split, image.Index), drawn);
        ImageDecoder.Resize(drawn, DrawnSize, size, planarRgb);
    }

    private int NumberInSplit(Split split, int index) => split == Split.Train ? index : index - trainCount;
}
