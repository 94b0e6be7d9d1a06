namespace Airbench.Onnx;

/// <summary>Features of views of images: one row a view, the views of an image one after the other.</summary>
/// <param name="Values">float32 [Rows, Width].</param>
/// <param name="Width">Features F.</param>
/// <param name="Views">Rows of each image; the first is the image as it is.</param>
internal sealed record FeatureTable(float[] Values, int Width, int Views)
{
    /// <summary>Room for the features of some views.</summary>
    /// <exception cref="ConfigurationException">They are more than one array holds.</exception>
    public static float[] Room(long rows, int width) => rows * width <= Array.MaxLength
        ? new float[rows * width]
        : throw new ConfigurationException(
            $"{rows:N0} views have {rows * width:N0} features, more than the {Array.MaxLength:N0} that are held at once; expected fewer crops, or fewer images");

    /// <summary>Rows in all.</summary>
    public int Rows => Values.Length / Width;

    /// <summary>Images.</summary>
    public int Images => Rows / Views;

    /// <summary>Features of one view of an image.</summary>
    public ReadOnlySpan<float> Row(int image, int view = 0) => Values.AsSpan(((image * Views) + view) * Width, Width);

    /// <summary>Whether the first <paramref name="images"/> images, each as it is, all have the same features.</summary>
    public bool IsSame(int images) => Enumerable.Range(1, Math.Max(0, images - 1)).All(image => Row(image).SequenceEqual(Row(0)));

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
