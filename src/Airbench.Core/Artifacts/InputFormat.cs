namespace Airbench;

/// <summary>What an exported model takes.</summary>
public enum InputFormat
{
    /// <summary>Planes of bytes, [N,3,H,W], 0 to 255 as decoded.</summary>
    Uint8Nchw,

    /// <summary>Interleaved bytes, [N,H,W,3], 0 to 255 as decoded: what image libraries have in memory.</summary>
    Uint8Nhwc,

    /// <summary>Planes of float32, [N,3,H,W], pixel / 255: what torchvision's ToTensor gives.</summary>
    FloatNchw,
}

/// <summary>Pixels in the form that a model takes.</summary>
public static class InputFormats
{
    /// <summary>Factor from a pixel, 0 to 255, to a value of <see cref="InputFormat.FloatNchw"/>.</summary>
    public const double Scale = 1.0 / 255;

    /// <summary>Extents of <paramref name="count"/> images.</summary>
    public static long[] Shape(InputFormat format, long count, long height, long width) =>
        format == InputFormat.Uint8Nhwc ? [count, height, width, 3] : [count, 3, height, width];

    /// <summary>Values of images as little-endian bytes.</summary>
    /// <param name="format">What the model takes.</param>
    /// <param name="planes">uint8 [n,3,H,W].</param>
    /// <param name="area">H * W.</param>
    public static byte[] Encode(InputFormat format, ReadOnlySpan<byte> planes, int area)
    {
        var values = new byte[planes.Length * (format == InputFormat.FloatNchw ? sizeof(float) : 1)];
        for (var i = 0; i < planes.Length; i++)
        {
            switch (format)
            {
                case InputFormat.FloatNchw:
                    System.Buffers.Binary.BinaryPrimitives.WriteSingleLittleEndian(values.AsSpan(i * sizeof(float)), (float)(planes[i] * Scale));
                    break;
                case InputFormat.Uint8Nhwc:
                    values[Interleaved(i, area)] = planes[i];
                    break;
                default:
                    values[i] = planes[i];
                    break;
            }
        }
        return values;
    }

    /// <summary>The inverse of <see cref="Encode"/>; floats are rounded to whole pixels.</summary>
    public static byte[] Decode(InputFormat format, ReadOnlySpan<byte> values, int area)
    {
        var planes = new byte[values.Length / (format == InputFormat.FloatNchw ? sizeof(float) : 1)];
        for (var i = 0; i < planes.Length; i++)
        {
            planes[i] = format switch
            {
                InputFormat.FloatNchw => (byte)Math.Clamp(
                    Math.Round(System.Buffers.Binary.BinaryPrimitives.ReadSingleLittleEndian(values[(i * sizeof(float))..]) / Scale), 0, 255),
                InputFormat.Uint8Nhwc => values[Interleaved(i, area)],
                _ => values[i],
            };
        }
        return planes;
    }

    /// <summary>Place in [n,H,W,3] of what is at <paramref name="i"/> in [n,3,H,W].</summary>
    private static int Interleaved(int i, int area) => (((i / (3 * area) * area) + (i % area)) * 3) + (i / area % 3);
}
