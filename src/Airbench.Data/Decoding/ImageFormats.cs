using System.Collections.Frozen;

namespace Airbench.Data;

/// <summary>The formats of image files: those that are read, and those that are only known by name.</summary>
/// <remarks>
/// The first bytes decide how a file is decoded. Its name decides only whether a folder or an archive lists it as an image.
/// </remarks>
public static class ImageFormats
{
    /// <summary>The formats that are read.</summary>
    public static readonly ImageFormat
        Jpeg = new("JPEG", true, ".jpg", ".jpeg", ".jpe", ".jfif"),
        Png = new("PNG", true, ".png", ".apng"),
        WebP = new("WebP", true, ".webp"),
        Bmp = new("BMP", true, ".bmp", ".dib"),
        Gif = new("GIF", true, ".gif"),
        Ico = new("ICO", true, ".ico"),
        Tiff = new("TIFF", true, ".tif", ".tiff");

    /// <summary>Formats that are known but not read.</summary>
    internal static readonly ImageFormat
        Heic = new("HEIC", false, ".heic", ".heif", ".hif"),
        Avif = new("AVIF", false, ".avif", ".avifs"),
        JpegXl = new("JPEG XL", false, ".jxl"),
        Jpeg2000 = new("JPEG 2000", false, ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".jpm"),
        JpegXr = new("JPEG XR", false, ".jxr", ".wdp", ".hdp"),
        Svg = new("SVG", false, ".svg", ".svgz"),
        Pdf = new("PDF", false, ".pdf"),
        PostScript = new("PostScript", false, ".eps"),
        Photoshop = new("PSD", false, ".psd", ".psb"),
        Gimp = new("XCF", false, ".xcf"),
        Raw = new("raw photo", false,
            ".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".orf", ".rw2", ".raf", ".pef", ".srw", ".x3f", ".3fr", ".iiq",
            ".erf", ".mrw", ".rwl", ".raw"),
        Cursor = new("CUR", false, ".cur", ".ani"),
        Icns = new("ICNS", false, ".icns"),
        OpenExr = new("OpenEXR", false, ".exr"),
        Radiance = new("Radiance HDR", false, ".hdr"),
        Netpbm = new("Netpbm", false, ".pnm", ".pbm", ".pgm", ".ppm", ".pam", ".pfm"),
        Qoi = new("QOI", false, ".qoi"),
        Targa = new("TGA", false, ".tga"),
        Pcx = new("PCX", false, ".pcx"),
        Dds = new("DDS", false, ".dds"),
        Dicom = new("DICOM", false, ".dcm"),
        Fits = new("FITS", false, ".fits"),
        DjVu = new("DjVu", false, ".djvu", ".djv"),
        Bpg = new("BPG", false, ".bpg"),
        Mng = new("MNG", false, ".mng", ".jng"),
        Wmf = new("Windows metafile", false, ".wmf", ".emf"),
        Mp4 = new("MP4", false);   // a video; a folder that holds some is not short of images

    /// <summary>First bytes of a file that are enough for <see cref="Of"/>.</summary>
    public const int HeadBytes = 1024;

    private static readonly ImageFormat[] All =
    [
        Jpeg, Png, WebP, Bmp, Gif, Ico, Tiff,
        Heic, Avif, JpegXl, Jpeg2000, JpegXr, Svg, Pdf, PostScript, Photoshop, Gimp, Raw, Cursor, Icns, OpenExr, Radiance, Netpbm, Qoi, Targa, Pcx,
        Dds, Dicom, Fits, DjVu, Bpg, Mng, Wmf, Mp4,
    ];

    private static readonly FrozenDictionary<string, ImageFormat>.AlternateLookup<ReadOnlySpan<char>> ByExtension = All
        .SelectMany(format => format.Extensions.Select(extension => KeyValuePair.Create(extension, format)))
        .ToFrozenDictionary(StringComparer.OrdinalIgnoreCase)
        .GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>The formats that are read, for messages: "JPEG, PNG, WebP, BMP, GIF, ICO or TIFF".</summary>
    public static string ReadNames { get; } = Listed(All.Where(format => format.IsRead).Select(format => format.Name));

    /// <summary>The extensions that are read, for messages: ".jpg, .jpeg, ... or .tiff".</summary>
    public static string ReadExtensions { get; } = Listed(All.Where(format => format.IsRead).SelectMany(format => format.Extensions));

    /// <summary>The format that the first bytes of a file are those of; null where they are of no format known here.</summary>
    /// <param name="file">The file, or at least its first <see cref="HeadBytes"/>.</param>
    public static ImageFormat? Of(ReadOnlySpan<byte> file) => FirstBytes.Format(file[..Math.Min(file.Length, HeadBytes)]);

    /// <summary>The format of <paramref name="file"/>, which is one that is read.</summary>
    /// <exception cref="DataException">It is empty, or of no such format; the message names what it is.</exception>
    public static ImageFormat Require(ReadOnlySpan<byte> file) => Of(file) switch
    {
        { IsRead: true } format => format,
        { } format => throw new DataException($"is {format.InSentence}, which is not read: convert it to JPEG or PNG"),
        null when file.IsEmpty => throw new DataException("is empty"),
        null => throw new DataException(
            $"is no image that is read (its first bytes are {Convert.ToHexString(file[..Math.Min(8, file.Length)])}; expected {ReadNames})"),
    };

    /// <summary>The format that the extension of <paramref name="path"/> stands for, upper or lower case; null where it is of none known here.</summary>
    public static ImageFormat? OfExtension(string path) => ByExtension.TryGetValue(Path.GetExtension(path.AsSpan()), out var format) ? format : null;

    /// <summary>Whether <paramref name="path"/> ends in the extension of a format that is read.</summary>
    public static bool HasImageExtension(string path) => OfExtension(path) is { IsRead: true };

    /// <summary>Whether <paramref name="path"/> ends in the extension of an image format that is not read, such as .heic: to count and to name.</summary>
    public static bool HasUnreadExtension(string path) => OfExtension(path) is { IsRead: false };

    private static string Listed(IEnumerable<string> names) => names.ToArray() is var all ? $"{string.Join(", ", all[..^1])} or {all[^1]}" : "";
}
