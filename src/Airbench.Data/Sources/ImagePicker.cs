namespace Airbench.Data;

/// <inheritdoc cref="IImagePicker"/>
public sealed class ImagePicker : IImagePicker
{
    private const long MostUnpackedBytes = 1L << 40;

    /// <inheritdoc/>
    public IReadOnlyDictionary<int, byte[]> Pick(string source, Split split, string sha256, IReadOnlySet<int> indices, int imageSize)
    {
        using var images = LabelledFiles.Open(source, split, MostUnpackedBytes, IProgress.Silent, CancellationToken.None);
        if (images.Sha256 != sha256)
        {
            throw new DataException($"{source} changed since: it is not what was evaluated");
        }
        using var decoder = new ImageDecoder();
        var picked = new Dictionary<int, byte[]>();
        foreach (var image in images.Read(indices.Contains).Take(indices.Count))   // whatever comes behind the last one is not looked at
        {
            if (image.Error is null && Decode(images, image, decoder, imageSize) is { } pixels)
            {
                picked.Add(image.Index, pixels);
            }
        }
        return picked;
    }

    private static byte[]? Decode(FileSource images, SourceImage image, ImageDecoder decoder, int size)
    {
        var pixels = new byte[3 * size * size];
        try
        {
            images.Decode(image, decoder, size, pixels);
            return pixels;
        }
        catch (DataException)
        {
            return null;   // a broken image has a row of its own wherever it counts
        }
    }
}
