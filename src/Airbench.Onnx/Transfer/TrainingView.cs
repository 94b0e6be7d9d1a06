using Airbench.Data;

namespace Airbench.Onnx;

/// <summary>A part of an image, resized to the whole, perhaps mirrored: what augmentation shows of it.</summary>
/// <param name="Left">First column.</param>
/// <param name="Top">First row.</param>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
/// <param name="Mirror">Left and right exchanged.</param>
internal readonly record struct TrainingView(int Left, int Top, int Width, int Height, bool Mirror)
{
    /// <summary>Smallest share of the image's area that a crop shows.</summary>
    private const double SmallestArea = 0.4;

    /// <summary>Narrowest and widest crop, width by height.</summary>
    private const double Narrowest = 3.0 / 4;

    /// <summary>The image as it is.</summary>
    public static TrainingView Whole(int size) => new(0, 0, size, size, Mirror: false);

    /// <summary>A crop by chance: its area, its proportions, its place, and its side where <paramref name="mirrors"/>.</summary>
    public static TrainingView Crop(int size, bool mirrors, Random random)
    {
        var area = (SmallestArea + ((1 - SmallestArea) * random.NextDouble())) * size * size;
        var proportion = Math.Exp(((2 * random.NextDouble()) - 1) * -Math.Log(Narrowest));
        var width = Math.Clamp((int)Math.Round(Math.Sqrt(area * proportion)), 1, size);
        var height = Math.Clamp((int)Math.Round(Math.Sqrt(area / proportion)), 1, size);
        return new(random.Next(size - width + 1), random.Next(size - height + 1), width, height, mirrors && random.Next(2) == 1);
    }

    /// <summary>Draws it, with <c>prepare</c>'s filter.</summary>
    /// <param name="image">uint8 [3,S,S].</param>
    /// <param name="size">S.</param>
    /// <param name="output">uint8 [3,S,S].</param>
    public unsafe void Draw(ReadOnlySpan<byte> image, int size, Span<byte> output)
    {
        fixed (byte* pixels = image)
        {
            var layout = new Resampler.Layout(Width, Height, RowStride: size, PixelStride: 1, ChannelStride: (long)size * size);
            Resampler.Resize(pixels + (Top * size) + Left, layout, new Orientation(), Fit.Stretch, size, output);
        }
        for (var row = 0; Mirror && row < 3 * size; row++)
        {
            output.Slice(row * size, size).Reverse();
        }
    }
}
