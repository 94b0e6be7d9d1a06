using System.Text;
using System.Text.Unicode;

namespace Airbench.Data;

/// <summary>What a file is that a user names, told by its first bytes, and by its name where they do not say.</summary>
internal enum GivenKind
{
    /// <summary>.tar, .tar.gz or .zip.</summary>
    Archive,

    /// <summary>An image, be it of a format that is read or not.</summary>
    Image,

    /// <summary>A list of images.</summary>
    Csv,

    /// <summary>None of these.</summary>
    Other,
}

/// <summary>Tells files apart that a user names.</summary>
internal static class GivenFile
{
    /// <summary>The kind of <paramref name="path"/>, which is a regular file.</summary>
    public static GivenKind KindOf(string path)
    {
        var head = HeadOf(path);
        return FileTree.ArchiveKindOf(head) is not null ? GivenKind.Archive
            : ImageFormats.Of(head) is { IsRead: true } ? GivenKind.Image
            : path.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) ? GivenKind.Csv
            : ImageFormats.Of(head) is not null || ImageFormats.OfExtension(path) is not null ? GivenKind.Image
            : HasPathColumn(head) ? GivenKind.Csv
            : GivenKind.Other;
    }

    /// <summary>The first <see cref="ImageFormats.HeadBytes"/> of a file, or all.</summary>
    public static byte[] HeadOf(string path)
    {
        var head = new byte[ImageFormats.HeadBytes];
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);   // a list may be open in a program
        return head[..file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
    }

    /// <summary>Whether it is a text whose first line names the column path.</summary>
    private static bool HasPathColumn(ReadOnlySpan<byte> head)
    {
        var end = head.IndexOfAny((byte)'\n', (byte)'\r');
        var line = end < 0 ? head : head[..end];
        line = line.StartsWith(Encoding.UTF8.Preamble) ? line[3..] : line;
        return Utf8.IsValid(line) && Encoding.UTF8.GetString(line).Split(',', ';', '\t').Any(column => column.Trim(' ', '"') == CsvManifest.PathColumn);
    }
}
