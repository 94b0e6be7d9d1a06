using System.IO.Hashing;
using System.Runtime.InteropServices;
using SkiaSharp;

namespace Airbench.Data;

/// <summary>
/// Decodes image files (see <see cref="ImageFormats"/>) to the uint8 planar RGB that networks take. Not thread-safe: one per thread, whose buffer is
/// used again.
/// </summary>
/// <remarks>
/// <para>Pixels are the stored values without colour management: profiles and gamma are ignored. Grey is repeated, palettes are looked up, 16 bits are
/// scaled to 8, CMYK becomes RGB by the plain product, and alpha is dropped, not blended with a background that nobody chose. Orientation (EXIF, or the
/// tag of a TIFF) is applied. Of several images in a file it is the first; of an ICO the largest. An image that is not all there is refused.</para>
/// <para>Pillow's <c>convert("RGB")</c> gives the same, but for 16-bit grey, which it clips, and transparent palettes, which it may blend.</para>
/// <para>Other sizes are resized (triangle filter, antialiased) and become square as <see cref="Fit"/> says. A JPEG of more
/// than 4 megapixels is first decoded at 1/2, 1/4 or 1/8 of its size, where it still is at least 8 times too large then: within 3 of 255 of what the
/// whole image gives, for most pixels within 1.</para>
/// </remarks>
/// <param name="memory">Bounds what large images take in all decoders that share it.</param>
public sealed unsafe class ImageDecoder(DecodeMemory? memory = null) : IDisposable
{
    /// <summary>Images that declare more pixels are refused before anything is allocated.</summary>
    public const long MaxPixels = 100_000_000;

    private const long LargeBytes = 64_000_000;   // 16 megapixels
    private const long ReducedPixels = 4_000_000;   // smaller ones are quickly decoded in full
    private const int Reserve = 8;   // so many times too large is what the codec reduces
    private readonly DecodeMemory _memory = memory ?? DecodeMemory.ForThisMachine();
    private byte* _pixels;
    private nuint _capacity;

    /// <summary>How images that are not square become so.</summary>
    public Fit Fit { get; init; }

    /// <summary>Decodes <paramref name="file"/>, the bytes of a whole image file.</summary>
    /// <param name="file">The file; its first bytes decide the format, not its name.</param>
    /// <param name="size">Height and width S of the result, pixels.</param>
    /// <param name="planarRgb">3 * S * S bytes, filled as [3, S, S].</param>
    /// <exception cref="DataException">Of a format that is not read, damaged, cut off or too large; the message says which.</exception>
    public void Decode(ReadOnlySpan<byte> file, int size, Span<byte> planarRgb)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        ArgumentOutOfRangeException.ThrowIfNotEqual(planarRgb.Length, 3 * size * size);
        var format = ImageFormats.Require(file);
        if (format == ImageFormats.Tiff)
        {
            DecodeTiff(file, size, planarRgb);
            return;
        }
        var image = EncodedImage.Of(format, file);
        fixed (byte* start = image.Bytes, other = image.OtherEnd)
        {
            using var codec = Open(start, image.Bytes.Length, image.Format);
            var (width, height) = (codec.Info.Width, codec.Info.Height);
            Resampler.Reduction? reduction = null;
            if (image.Format == ImageFormats.Jpeg && (long)width * height > ReducedPixels)
            {
                var (scaledWidth, scaledHeight) = Resampler.Scaled(width, height, Fit, size);
                foreach (var divisor in (ReadOnlySpan<int>)[8, 4, 2])   // other eighths take as long as the whole
                {
                    if (width >= divisor * Reserve * scaledWidth && height >= divisor * Reserve * scaledHeight)
                    {
                        reduction = new(width, height, divisor);
                        var reduced = codec.GetScaledDimensions(1f / divisor);
                        (width, height) = (reduced.Width, reduced.Height);
                        break;
                    }
                }
            }
            var needed = (4L * width * height) + image.CodecBytes + Resampler.Bytes(height, size);
            using var room = needed > LargeBytes ? _memory.Take(needed) : default;
            try
            {
                UInt128? expected = null;
                if (other is not null)
                {
                    using var otherCodec = Open(other, image.OtherEnd.Length, image.Format);
                    expected = XxHash128.HashToUInt128(Pixels(otherCodec, image.Format, width, height));
                }
                var pixels = Pixels(codec, image.Format, width, height);
                if (expected is { } hash && hash != XxHash128.HashToUInt128(pixels))
                {
                    throw new DataException($"is {image.Format.InSentence} that ends too early");
                }
                var layout = new Resampler.Layout(width, height, 4L * width, 4, 1) { Reduction = reduction };
                Resampler.Resize(_pixels, layout, image.Orientation ?? OrientationOf(codec), Fit, size, planarRgb);
            }
            finally
            {
                FreeLarge();
            }
        }
    }

    /// <summary>Format and size of <paramref name="file"/>, turned upright, from its headers alone.</summary>
    /// <exception cref="DataException">Of a format that is not read, or its headers are damaged.</exception>
    public static ImageHeader HeaderOf(ReadOnlySpan<byte> file)
    {
        var format = ImageFormats.Require(file);
        if (format == ImageFormats.Tiff)
        {
            var header = TiffHeader.Read(file);
            return Header(format, header.Width, header.Height, header.Orientation);
        }
        var image = EncodedImage.Of(format, file);
        fixed (byte* start = image.Bytes)
        {
            using var codec = Open(start, image.Bytes.Length, image.Format);
            return Header(format, codec.Info.Width, codec.Info.Height, image.Orientation ?? OrientationOf(codec));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Free();

    /// <summary>Resizes square pixels that are uint8 planar RGB already, [3, <paramref name="side"/>, <paramref name="side"/>].</summary>
    internal static void Resize(ReadOnlySpan<byte> source, int side, int size, Span<byte> planarRgb)
    {
        fixed (byte* start = source)
        {
            Resampler.Resize(start, new Resampler.Layout(side, side, side, 1, (long)side * side), default, default, size, planarRgb);
        }
    }

    /// <summary>Throws for more than <see cref="MaxPixels"/>.</summary>
    internal static void RequireSize(long width, long height)
    {
        if (width < 1 || height < 1 || width > MaxPixels || height > MaxPixels || width * height > MaxPixels)
        {
            throw new DataException($"is {width} x {height} pixels; at most {MaxPixels / 1_000_000} megapixels are decoded");
        }
    }

    private void DecodeTiff(ReadOnlySpan<byte> file, int size, Span<byte> planarRgb)
    {
        var header = TiffHeader.Read(file);
        RequireSize(header.Width, header.Height);
        var needed = header.Memory + Resampler.Bytes(header.Height, size);
        using var room = needed > LargeBytes ? _memory.Take(needed) : default;
        fixed (byte* start = file)
        {
            fixed (int* pixels = TiffPixels.Decode(start, file.Length, header))
            {
                var layout = new Resampler.Layout(header.Width, header.Height, 4L * header.Width, 4, 1);
                Resampler.Resize((byte*)pixels, layout, header.Orientation, Fit, size, planarRgb);
            }
        }
    }

    private static SKCodec Open(byte* start, int length, ImageFormat format)
    {
        using var data = SKData.Create((nint)start, length);   // no copy
        var codec = SKCodec.Create(data) ?? throw new DataException($"is {format.InSentence} whose header is damaged or cut off");
        try
        {
            RequireSize(codec.Info.Width, codec.Info.Height);
            return codec;
        }
        catch
        {
            codec.Dispose();
            throw;
        }
    }

    /// <summary>Decodes into the buffer: RGBA, valid until the next call.</summary>
    private ReadOnlySpan<byte> Pixels(SKCodec codec, ImageFormat format, int width, int height)
    {
        var bytes = 4 * width * height;   // at most 400 MB
        Allocate((nuint)bytes);
        // No colour space: stored values as they are. Unpremultiplied: dropping alpha then leaves the stored colour.
        var info = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        var result = codec.GetPixels(info, (nint)_pixels, info.RowBytes, SKCodecOptions.Default);
        return result switch
        {
            SKCodecResult.Success => new(_pixels, bytes),
            SKCodecResult.IncompleteInput => throw new DataException($"is {format.InSentence} that ends too early"),
            _ => throw new DataException($"is {format.InSentence} that cannot be decoded ({result})"),
        };
    }

    /// <summary>EXIF in a JPEG; the values are those of the tag.</summary>
    private static Orientation OrientationOf(SKCodec codec) => Orientation.OfTag((int)codec.EncodedOrigin);

    private static ImageHeader Header(ImageFormat format, int width, int height, Orientation orientation) =>
        orientation.Transpose ? new(format.Name, height, width) : new(format.Name, width, height);

    private void Allocate(nuint bytes)
    {
        if (_capacity < bytes)
        {
            Free();
            _pixels = (byte*)NativeMemory.Alloc(bytes);
            _capacity = bytes;
        }
    }

    private void FreeLarge()
    {
        if (_capacity > LargeBytes)
        {
            Free();
        }
    }

    private void Free()
    {
        NativeMemory.Free(_pixels);
        _pixels = null;
        _capacity = 0;
    }
}
