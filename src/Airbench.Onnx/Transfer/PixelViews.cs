using System.Numerics.Tensors;

namespace Airbench.Onnx;

/// <summary>Views as pixels, drawn whenever they are asked for.</summary>
/// <param name="images">The images.</param>
/// <param name="plan">Their views.</param>
internal sealed class PixelViews(TransferImages images, ViewPlan plan) : IViewSource
{
    private readonly byte[] _drawn = new byte[3 * images.Size * images.Size];

    /// <inheritdoc/>
    public int Width => _drawn.Length;

    /// <inheritdoc/>
    public int Views => plan.Count;

    /// <inheritdoc/>
    public void Read(int image, int view, Span<float> values)
    {
        var shown = view == IViewSource.Mirror ? TrainingView.Whole(images.Size) with { Mirror = true } : plan.Of(image).ElementAt(view);
        shown.Draw(images.Pixels(image), images.Size, _drawn);
        TensorPrimitives.ConvertTruncating<byte, float>(_drawn, values);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
