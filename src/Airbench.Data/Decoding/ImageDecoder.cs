using System.Runtime.InteropServices;
using SkiaSharp;

namespace Airbench.Data;

/// <summary>
/// Decodes JPEG and PNG files to the uint8 planar RGB that networks take. Not thread-safe: one per thread, whose buffer is used again.
/// </summary>
/// <remarks>
/// <para>Pixels are those that Pillow's <c>convert("RGB")</c> gives, which is what most stacks feed a deployed model: stored values
/// without colour management, grey repeated, palettes looked up, 16 bits rounded to 8, and alpha dropped, not blended with
/// a background that nobody chose. EXIF orientation is applied.</para>
/// <para>Other sizes are resized by the short side (triangle filter, antialiased), then cropped at the centre. A JPEG at
/// least 6 times too large is first decoded at n/8 of its size, still at least 3 times too large.</para>
/// </remarks>
/// <param name="largeImages">Held while an image of over 16 megapixels is in memory; decoders that share it have one at a time.</param>
public sealed unsafe class ImageDecoder(Lock? largeImages = null) : IDisposable
{
    /// <summary>Images that declare more pixels are refused before anything is allocated.</summary>
    public const long MaxPixels = 100_000_000;

    private const long LargePixels = 16_000_000;
    private const int Reserve = 3;   // Pillow's reducing_gap that cannot be told from a full decode
    private readonly Lock _largeImages = largeImages ?? new Lock();
    private byte* _pixels;
    private nuint _capacity;

    /// <inheritdoc cref="ImageFormats.HasImageExtension"/>
    public static bool HasImageExtension(string path) => ImageFormats.HasImageExtension(path);

    /// <summary>Decodes <paramref name="file"/>, the bytes of a whole JPEG or PNG file.</summary>
    /// <param name="file">The file; its first bytes decide the format, not its name.</param>
    /// <param name="size">Height and width S of the result, pixels.</param>
    /// <param name="planarRgb">3 * S * S bytes, filled as [3, S, S].</param>
    /// <exception cref="DataException">Not JPEG or PNG, damaged, cut off or too large; the message says which.</exception>
    public void Decode(ReadOnlySpan<byte> file, int size, Span<byte> planarRgb)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        ArgumentOutOfRangeException.ThrowIfNotEqual(planarRgb.Length, 3 * size * size);
        var format = ImageFormats.Require(file);
        fixed (byte* start = file)
        {
            using var data = SKData.Create((nint)start, file.Length);   // no copy
            using var codec = SKCodec.Create(data) ?? throw HeaderDamaged(format);
            var (width, height) = (codec.Info.Width, codec.Info.Height);
            if (width < 1 || height < 1 || (long)width * height > MaxPixels)
            {
                throw new DataException($"is {width} x {height} pixels; at most {MaxPixels / 1_000_000} megapixels are decoded");
            }
            if (format == ImageFormats.Jpeg && Math.Min(width, height) / (2 * Reserve) >= size)
            {
                var reduced = codec.GetScaledDimensions((float)Reserve * size / Math.Min(width, height));
                if (Math.Min(reduced.Width, reduced.Height) >= Reserve * size / 2)
                {
                    (width, height) = (reduced.Width, reduced.Height);
                }
            }
            if ((long)width * height <= LargePixels)
            {
                Decode(codec, format, width, height, size, planarRgb);
                return;
            }
            lock (_largeImages)
            {
                Decode(codec, format, width, height, size, planarRgb);
                Free();
            }
        }
    }

    /// <summary>Format and size of <paramref name="file"/>, turned upright, from its header alone.</summary>
    /// <exception cref="DataException">Not JPEG or PNG, or the header is damaged.</exception>
    public static ImageHeader HeaderOf(ReadOnlySpan<byte> file)
    {
        var format = ImageFormats.Require(file);
        fixed (byte* start = file)
        {
            using var data = SKData.Create((nint)start, file.Length);   // no copy
            using var codec = SKCodec.Create(data) ?? throw HeaderDamaged(format);
            var (width, height) = (codec.Info.Width, codec.Info.Height);
            return OrientationOf(codec.EncodedOrigin).Transpose ? new(format.Name, height, width) : new(format.Name, width, height);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Free();

    /// <summary>Resizes pixels that are uint8 planar RGB already, [3, <paramref name="height"/>, <paramref name="width"/>].</summary>
    internal static void Fit(ReadOnlySpan<byte> source, int width, int height, int size, Span<byte> planarRgb)
    {
        fixed (byte* start = source)
        {
            Resampler.Fit(start, new Resampler.Layout(width, height, width, 1, (long)width * height), default, size, planarRgb);
        }
    }

    private void Decode(SKCodec codec, ImageFormat format, int width, int height, int size, Span<byte> planarRgb)
    {
        Allocate((nuint)width * (nuint)height * 4);
        // No colour space: stored values as they are. Unpremultiplied: dropping alpha then leaves the stored colour.
        var info = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        var result = codec.GetPixels(info, (nint)_pixels, info.RowBytes, SKCodecOptions.Default);
        if (result != SKCodecResult.Success)
        {
            throw new DataException(result == SKCodecResult.IncompleteInput
                ? $"is {format.InSentence} that ends too early"
                : $"is {format.InSentence} that cannot be decoded ({result})");
        }
        Resampler.Fit(
            _pixels, new Resampler.Layout(width, height, info.RowBytes, 4, 1), OrientationOf(codec.EncodedOrigin), size, planarRgb);
    }

    private static DataException HeaderDamaged(ImageFormat format) => new($"is {format.InSentence} whose header is damaged");

    private static Orientation OrientationOf(SKEncodedOrigin origin) => origin switch
    {
        SKEncodedOrigin.TopRight => new(Transpose: false, FlipX: true, FlipY: false),
        SKEncodedOrigin.BottomRight => new(Transpose: false, FlipX: true, FlipY: true),
        SKEncodedOrigin.BottomLeft => new(Transpose: false, FlipX: false, FlipY: true),
        SKEncodedOrigin.LeftTop => new(Transpose: true, FlipX: false, FlipY: false),
        SKEncodedOrigin.RightTop => new(Transpose: true, FlipX: false, FlipY: true),
        SKEncodedOrigin.RightBottom => new(Transpose: true, FlipX: true, FlipY: true),
        SKEncodedOrigin.LeftBottom => new(Transpose: true, FlipX: true, FlipY: false),
        _ => default,
    };

    private void Allocate(nuint bytes)
    {
        if (_capacity < bytes)
        {
            Free();
            _pixels = (byte*)NativeMemory.Alloc(bytes);
            _capacity = bytes;
        }
    }

    private void Free()
    {
        NativeMemory.Free(_pixels);
        _pixels = null;
        _capacity = 0;
    }
}
