namespace Airbench.Onnx;

/// <summary>Images from here and there in a split, side by side.</summary>
internal static class ImageBatch
{
    /// <summary>uint8 [n,3,S,S] of the images at <paramref name="indices"/>.</summary>
    public static byte[] Gather(ImageSplit split, IReadOnlyList<int> indices)
    {
        var pixels = 3 * split.ImageSize * split.ImageSize;
        var images = new byte[checked(indices.Count * pixels)];
        foreach (var (place, index) in indices.Index())
        {
            split.Images(index, 1).CopyTo(images.AsSpan(place * pixels, pixels));
        }
        return images;
    }
}
