using System.Numerics;
using System.Runtime.Intrinsics;

namespace Airbench.Data;

/// <summary>
/// Brings an image to S x S as <see cref="Fit"/> defines it. The filter is the triangle (bilinear) one, widened by the factor of
/// reduction, which is what Pillow and torchvision call bilinear with antialiasing; an image that is S x S already is copied unchanged.
/// </summary>
/// <remarks>
/// Our own because Skia's reduces by mipmaps, which alias at large factors, and because the same bits must come out on every platform.
/// </remarks>
internal static class Resampler
{
    /// <summary>
    /// Pixels as bytes: sample (x, y, channel) is at y * <paramref name="RowStride"/> + x * <paramref name="PixelStride"/> + channel *
    /// <paramref name="ChannelStride"/>.
    /// </summary>
    internal readonly record struct Layout(int Width, int Height, long RowStride, int PixelStride, long ChannelStride)
    {
        /// <summary>What these pixels are of, where they are not the image itself.</summary>
        public Reduction? Reduction { get; init; }
    }

    /// <summary>
    /// An image of which a codec decoded one pixel for <paramref name="Divisor"/> x <paramref name="Divisor"/>. Sides are rounded up then, so that the
    /// last pixel may stand for less: sizes and places are those of the whole image.
    /// </summary>
    internal readonly record struct Reduction(int Width, int Height, int Divisor);

    /// <summary>Memory that an image of <paramref name="height"/> rows takes at most while it is resized, bytes.</summary>
    public static long Bytes(int height, int size) => 3L * sizeof(float) * height * size;

    /// <summary>Writes planar RGB [3, size, size].</summary>
    /// <param name="source">First byte of the image.</param>
    /// <param name="layout">Where its samples are.</param>
    /// <param name="orientation">Applied before anything is cropped or padded.</param>
    /// <param name="fit">How it becomes square.</param>
    /// <param name="size">S.</param>
    /// <param name="planarRgb">3 * S * S bytes.</param>
    public static unsafe void Resize(byte* source, Layout layout, Orientation orientation, Fit fit, int size, Span<byte> planarRgb)
    {
        if (layout.Width == size && layout.Height == size)
        {
            Copy(source, layout, orientation, size, planarRgb);
            return;
        }
        var whole = layout.Reduction ?? new Reduction(layout.Width, layout.Height, 1);
        var (width, height) = Scaled(whole.Width, whole.Height, fit, size);
        var columns = Taps.Of(layout.Width, (double)whole.Width / whole.Divisor, width, size, orientation.FlipX);
        var rows = Taps.Of(layout.Height, (double)whole.Height / whole.Divisor, height, size, orientation.FlipY);

        // Columns first, for the rows that are needed: (rows, channel, S). Then rows.
        var firstRow = rows.First.Min();
        var rowCount = rows.Last() - firstRow;
        var narrow = new float[(long)rowCount * 3 * size];
        for (var y = 0; y < rowCount; y++)
        {
            var line = source + ((firstRow + y) * layout.RowStride);
            var target = narrow.AsSpan(y * 3 * size, 3 * size);
            if (layout is { PixelStride: 4, ChannelStride: 1 })
            {
                NarrowPixels(line, columns, target);
            }
            else
            {
                for (var c = 0; c < 3; c++)
                {
                    NarrowChannel(line + (c * layout.ChannelStride), layout.PixelStride, columns, target.Slice(c * size, size));
                }
            }
        }
        var sums = new float[size];
        for (var c = 0; c < 3; c++)
        {
            for (var j = 0; j < size; j++)
            {
                Array.Clear(sums);
                var at = (((rows.First[j] - firstRow) * 3) + c) * size;
                foreach (var weight in rows.Weights[j])
                {
                    AddScaled(narrow.AsSpan(at, size), weight, sums);
                    at += 3 * size;
                }
                for (var i = 0; i < size; i++)
                {
                    planarRgb[(c * size * size) + Seen(orientation, i, j, size)] = (byte)Math.Clamp((int)(sums[i] + 0.5f), 0, 255);
                }
            }
        }
    }

    /// <summary>A row of one channel: to S values.</summary>
    private static unsafe void NarrowChannel(byte* line, int stride, Taps columns, Span<float> target)
    {
        for (var i = 0; i < target.Length; i++)
        {
            var sum = 0f;
            var pixel = line + ((long)columns.First[i] * stride);
            foreach (var weight in columns.Weights[i])
            {
                sum += weight * *pixel;
                pixel += stride;
            }
            target[i] = sum;
        }
    }

    /// <summary>A row of pixels of four bytes: to (3, S) values. The channels of a pixel at once, each with the sums of <see cref="NarrowChannel"/> in its order.</summary>
    private static unsafe void NarrowPixels(byte* line, Taps columns, Span<float> target)
    {
        var size = target.Length / 3;
        for (var i = 0; i < size; i++)
        {
            var sum = Vector128<float>.Zero;
            var pixel = (uint*)line + columns.First[i];
            foreach (var weight in columns.Weights[i])
            {
                var bytes = Vector128.CreateScalarUnsafe(*pixel++).AsByte();
                var channels = Vector128.WidenLower(Vector128.WidenLower(bytes)).AsInt32();
                sum += Vector128.Create(weight) * Vector128.ConvertToSingle(channels);
            }
            (target[i], target[size + i], target[(2 * size) + i]) = (sum[0], sum[1], sum[2]);
        }
    }

    /// <summary>Adds <paramref name="values"/> times <paramref name="weight"/>: a product and a sum, not fused, which would differ by the processor.</summary>
    private static void AddScaled(ReadOnlySpan<float> values, float weight, Span<float> sums)
    {
        var i = 0;
        for (; i <= sums.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var sum = new Vector<float>(sums[i..]) + (new Vector<float>(values[i..]) * weight);
            sum.CopyTo(sums[i..]);
        }
        for (; i < sums.Length; i++)
        {
            sums[i] += values[i] * weight;
        }
    }

    /// <summary>Sides of the resized image, before it is cropped or padded: rounded down, as torchvision does.</summary>
    public static (long Width, long Height) Scaled(int width, int height, Fit fit, int size)
    {
        return fit switch
        {
            Fit.Pad => By(Math.Max(width, height)),
            Fit.Stretch => (size, size),
            _ => By(Math.Min(width, height)),
        };

        (long, long) By(int side) => (Math.Max(1, (long)size * width / side), Math.Max(1, (long)size * height / side));
    }

    private static unsafe void Copy(byte* source, Layout layout, Orientation orientation, int size, Span<byte> planarRgb)
    {
        var plane = size * size;
        for (var y = 0; y < size; y++)
        {
            var pixel = source + (y * layout.RowStride);
            var at = Seen(orientation, 0, y, size);
            var step = Seen(orientation, 1, y, size) - at;
            for (var x = 0; x < size; x++)
            {
                planarRgb[at] = pixel[0];
                planarRgb[plane + at] = pixel[layout.ChannelStride];
                planarRgb[(2 * plane) + at] = pixel[2 * layout.ChannelStride];
                pixel += layout.PixelStride;
                at += step;
            }
        }
    }

    /// <summary>Index in a seen S x S plane of stored pixel (x, y).</summary>
    private static int Seen(Orientation orientation, int x, int y, int size)
    {
        var u = orientation.FlipX ? size - 1 - x : x;
        var v = orientation.FlipY ? size - 1 - y : y;
        return orientation.Transpose ? (u * size) + v : (v * size) + u;
    }

    /// <summary>For each of S outputs along one axis: the first input sample and the weights, which sum to 1; none where the output is padding.</summary>
    private sealed record Taps(int[] First, float[][] Weights)
    {
        /// <summary>Just behind the last sample that any output needs.</summary>
        public int Last() => First.Zip(Weights, (first, weights) => first + weights.Length).Max();

        /// <summary>
        /// The centre <paramref name="size"/> of <paramref name="scaled"/> outputs, or all of them between padding, made from <paramref name="length"/>
        /// samples, of which the last may be less than a whole one: <paramref name="extent"/> is what they span.
        /// </summary>
        public static Taps Of(int length, double extent, long scaled, int size, bool flipped)
        {
            var margin = (long)Math.Round((scaled - size) / 2.0);   // half to even, as torchvision's centre crop; below 0 is padding
            if (flipped)
            {
                margin = scaled - size - margin;   // counted from what is seen
            }
            var step = extent / scaled;
            var support = Math.Max(step, 1);
            var (first, weights) = (new int[size], new float[size][]);
            for (var i = 0; i < size; i++)
            {
                if (margin + i < 0 || margin + i >= scaled)
                {
                    weights[i] = [];
                    continue;
                }
                var centre = (margin + i + 0.5) * step;
                first[i] = Math.Max(0, (int)(centre - support + 0.5));
                var end = Math.Min(length, (int)(centre + support + 0.5));
                var raw = new double[end - first[i]];
                for (var k = 0; k < raw.Length; k++)
                {
                    raw[k] = Math.Max(0, 1 - Math.Abs((first[i] + k + 0.5 - centre) / support));
                }
                var total = raw.Sum();
                weights[i] = [.. raw.Select(w => (float)(w / total))];
            }
            return new Taps(first, weights);
        }
    }
}
