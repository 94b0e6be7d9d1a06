using SkiaSharp;

namespace Airbench.Data;

/// <inheritdoc cref="IImagePicker"/>
public sealed class ImagePicker : IImagePicker
{
    /// <summary>Most pixels of a picture's side.</summary>
    public const int MostPixels = 192;

    /// <summary>Smaller pictures are PNG, which shows every pixel as it is; larger ones are JPEG.</summary>
    private const int MostPngPixels = 64;

    private const int JpegQuality = 85;
    private const long MostUnpackedBytes = 1L << 40;

    /// <summary>A larger archive is not read to its end for the sake of a few pictures.</summary>
    private const long MostArchiveBytes = 2L << 30;

    /// <inheritdoc/>
    public IReadOnlyDictionary<int, Picture> Pick(ImageFiles source, Split split, string sha256, Fit fit, IReadOnlySet<int> indices)
    {
        using var images = LabelledFiles.Open(source.Path, split, MostUnpackedBytes, IProgress.Silent, CancellationToken.None, source.NameEncoding);
        if (images.Sha256 != sha256)
        {
            throw new DataException($"{source.Path} changed since: it is not what was evaluated");
        }
        using var decoder = new ImageDecoder { Fit = fit };
        var picked = new Dictionary<int, Picture>();
        foreach (var image in images.Read(indices.Contains).Take(indices.Count))   // whatever comes behind the last one is not looked at
        {
            if (image.Error is null && Try(() => Draw(image.Bytes.Span, decoder)) is { } picture)
            {
                picked.Add(image.Index, picture);
            }
        }
        return picked;
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, Picture> PickOriginals(ImageFiles source, IReadOnlyDictionary<string, byte[]> prepared, int imageSize, Fit fit)
    {
        using var decoder = new ImageDecoder { Fit = fit };
        var (picked, buffer, pixels) = (new Dictionary<string, Picture>(), Array.Empty<byte>(), new byte[3 * imageSize * imageSize]);
        foreach (var entry in Entries(source, prepared))
        {
            if (Try(() => Original(entry)) is { } picture)
            {
                picked[entry.Path] = picture;
            }
            if (picked.Count == prepared.Count)
            {
                break;
            }
        }
        return picked;

        // Decoded as it was prepared, a file that is still the same gives the same pixels.
        Picture? Original(FileEntry entry)
        {
            var file = entry.Read(ref buffer).Span;
            decoder.Decode(file, imageSize, pixels);
            return pixels.AsSpan().SequenceEqual(prepared[entry.Path]) ? Draw(file, decoder) : null;
        }
    }

    /// <summary>The files that may be the originals. Those of a folder are opened without a walk through all of it.</summary>
    private static IEnumerable<FileEntry> Entries(ImageFiles source, IReadOnlyDictionary<string, byte[]> prepared)
    {
        if (Directory.Exists(source.Path))
        {
            var root = Path.GetFullPath(source.Path);
            return from path in prepared.Keys
                   let full = Path.GetFullPath(Path.Combine(root, path))
                   where full.StartsWith(Path.TrimEndingDirectorySeparator(root) + Path.DirectorySeparatorChar, StringComparison.Ordinal) && File.Exists(full)
                   select new DiskFile(path, IsFolder: false, Position: 0, full);
        }
        return new FileInfo(source.Path) is { Exists: true, Length: <= MostArchiveBytes }
            ? FileTree.Open(source.Path, MostUnpackedBytes, source.NameEncoding).Images().Where(entry => prepared.ContainsKey(entry.Path))
            : [];
    }

    /// <summary>An image file, upright and square as it was classified, of at most <see cref="MostPixels"/> and never enlarged.</summary>
    private static Picture Draw(ReadOnlySpan<byte> file, ImageDecoder decoder)
    {
        var header = ImageDecoder.HeaderOf(file);
        var side = decoder.Fit == Fit.Pad ? Math.Max(header.Width, header.Height) : Math.Min(header.Width, header.Height);
        var size = Math.Min(MostPixels, side);
        var pixels = new byte[3 * size * size];
        decoder.Decode(file, size, pixels);
        return size <= MostPngPixels ? new Picture("image/png", Png.Encode(pixels, size)) : new Picture("image/jpeg", Jpeg(pixels, size));
    }

    private static byte[] Jpeg(byte[] planarRgb, int size)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(size, size, SKColorType.Rgba8888, SKAlphaType.Opaque));
        var target = bitmap.GetPixelSpan();
        var plane = size * size;
        for (var i = 0; i < plane; i++)
        {
            (target[4 * i], target[(4 * i) + 1], target[(4 * i) + 2], target[(4 * i) + 3]) = (planarRgb[i], planarRgb[plane + i], planarRgb[(2 * plane) + i], 255);
        }
        using var data = bitmap.Encode(SKEncodedImageFormat.Jpeg, JpegQuality);
        return data.ToArray();
    }

    /// <summary>A file that cannot be read or decoded has no picture; that it is broken is said wherever it counts.</summary>
    private static Picture? Try(Func<Picture?> draw)
    {
        try
        {
            return draw();
        }
        catch (Exception e) when (e is DataException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
