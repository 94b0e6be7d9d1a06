namespace Airbench.Data;

/// <summary>
/// Which files of a folder or archive are images to read: those with the extension of a format that is read, and of those whose extension says
/// nothing the ones that begin as such a file.
/// </summary>
internal static class ImageSieve
{
    /// <summary>Texts that lie beside images, often one an image: not worth opening.</summary>
    private static readonly string[] Texts =
        [".txt", ".md", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".html", ".htm", ".log", ".ini", ".toml", ".py"];

    /// <summary>Whether <paramref name="file"/> is an image to read; otherwise it is counted in <paramref name="leftOut"/>.</summary>
    public static bool Takes(FileEntry file, LeftOut? leftOut)
    {
        var format = ImageFormats.OfExtension(file.Path)
            ?? (Texts.Contains(Path.GetExtension(file.Path), StringComparer.OrdinalIgnoreCase) ? null : ImageFormats.Of(file.Head().Span));
        if (format is { IsRead: true })
        {
            return true;
        }
        if (format is { Extensions.Length: > 0 })
        {
            leftOut?.AddUnread(format, file.Path);
        }
        else
        {
            leftOut?.AddOther(file.Path);
        }
        return false;
    }

    /// <summary>Counts the image at <paramref name="path"/>, a part of which is hidden.</summary>
    public static void CountHidden(string path, LeftOut? leftOut)
    {
        if (leftOut is not null && LooksLikeImage(path))
        {
            var parts = path.Split('/');
            var hidden = Array.FindIndex(parts, EntryName.IsHidden);
            leftOut.AddHidden(hidden == parts.Length - 1 ? null : parts[hidden], path);
        }
    }

    /// <summary>By its name alone. What macOS stores beside "1.jpg" as "._1.jpg" is no image.</summary>
    public static bool LooksLikeImage(string path) =>
        !Path.GetFileName(path.AsSpan()).StartsWith("._", StringComparison.Ordinal) && ImageFormats.OfExtension(path) is not null;
}
