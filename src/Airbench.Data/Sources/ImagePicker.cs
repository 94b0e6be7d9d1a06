namespace Airbench.Data;

/// <inheritdoc cref="IImagePicker"/>
public sealed class ImagePicker : IImagePicker
{
    private const long MostUnpackedBytes = 1L << 40;

    /// <inheritdoc/>
    public IReadOnlyDictionary<int, byte[]> Pick(string source, Split split, string sha256, IReadOnlySet<int> indices, int imageSize)
    {
        using var images = LooseImages.OpenLabelled(source, split, MostUnpackedBytes, IProgress.Silent, CancellationToken.None);
        return images.Sha256 == sha256
            ? images.Pick(indices, imageSize).ToDictionary(image => image.Index, image => image.PlanarRgb)
            : throw new DataException($"{source} changed since: it is not what was evaluated");
    }
}
