namespace Airbench.Onnx;

/// <summary>Features of views of images: one row a view, the views of an image one after the other.</summary>
/// <param name="Values">float32 [Rows, Width].</param>
/// <param name="Width">Features F.</param>
/// <param name="Views">Rows of each image; the first is the image as it is.</param>
internal sealed record FeatureTable(float[] Values, int Width, int Views)
{
    /// <summary>Rows in all.</summary>
    public int Rows => Values.Length / Width;

    /// <summary>Images.</summary>
    public int Images => Rows / Views;

    /// <summary>Features of one view of an image.</summary>
    public ReadOnlySpan<float> Row(int image, int view = 0) => Values.AsSpan(((image * Views) + view) * Width, Width);

    /// <summary>All views of some images, in their order.</summary>
    public FeatureTable Of(IReadOnlyList<int> images)
    {
        var (size, values) = (Views * Width, new float[images.Count * Views * Width]);
        for (var i = 0; i < images.Count; i++)
        {
            Values.AsSpan(images[i] * size, size).CopyTo(values.AsSpan(i * size));
        }
        return this with { Values = values };
    }
}
