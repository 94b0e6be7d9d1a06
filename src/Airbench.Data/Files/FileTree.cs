namespace Airbench.Data;

/// <summary>Files below a root, be it a directory or an archive, in a fixed order; can be walked more than once.</summary>
internal abstract class FileTree
{
    /// <summary>A single file larger than this is refused: no image of at most 100 megapixels needs it.</summary>
    public const int MaxFileBytes = 128 << 20;

    /// <summary>The directory or archive, as the user named it.</summary>
    public abstract string Root { get; }

    /// <summary>What <see cref="FileEntry.Position"/> counts up to.</summary>
    public abstract long Length { get; }

    /// <summary>Unit of <see cref="Length"/>.</summary>
    public abstract string Unit { get; }

    /// <summary>Every file and folder. An entry can be read until the next is asked for.</summary>
    /// <exception cref="DataException">An entry that is not safe: outside the root, a link, a device, past a bound.</exception>
    /// <exception cref="InvalidFileException">The archive is damaged.</exception>
    public abstract IEnumerable<FileEntry> Walk();

    /// <summary>The files of <see cref="Walk"/> that are images by their names; hidden ones are left out.</summary>
    public IEnumerable<FileEntry> Images() =>
        Walk().Where(entry => !entry.IsFolder && !EntryName.IsHidden(entry.Path) && ImageDecoder.HasImageExtension(entry.Path));

    /// <summary>The tree behind <paramref name="path"/>: a directory, or an archive by its first bytes.</summary>
    /// <exception cref="InvalidFileException">A file that is no archive.</exception>
    public static FileTree Open(string path, long maxUnpackedBytes)
    {
        if (Directory.Exists(path))
        {
            return new FolderTree(path);
        }
        Span<byte> start = stackalloc byte[512];
        using (var file = File.OpenRead(path))
        {
            start = start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        }
        return start switch
        {
            [0x1F, 0x8B, ..] => new TarTree(path, gzip: true, maxUnpackedBytes),
            [(byte)'P', (byte)'K', 3, 4, ..] or [(byte)'P', (byte)'K', 5, 6, ..] => new ZipTree(path, maxUnpackedBytes),
            _ when start.Length == 512 && LooksLikeTar(start) => new TarTree(path, gzip: false, maxUnpackedBytes),
            _ => throw new InvalidFileException(path, $"is not a .tar, .tar.gz or .zip archive: {Describe(start)}"),
        };
    }

    /// <summary>A tar header holds the sum of its own bytes, in octal digits, with spaces in their place.</summary>
    private static bool LooksLikeTar(ReadOnlySpan<byte> header)
    {
        var declared = 0;
        foreach (var digit in header.Slice(148, 8).Trim(" \0"u8))
        {
            if (digit is < (byte)'0' or > (byte)'7')
            {
                return false;
            }
            declared = (declared * 8) + digit - '0';
        }
        var sum = 8 * ' ';
        for (var i = 0; i < header.Length; i++)
        {
            sum += i is >= 148 and < 156 ? 0 : header[i];
        }
        return sum == declared;
    }

    private static string Describe(ReadOnlySpan<byte> start) => start switch
    {
        [] => "it is empty",
        [(byte)'B', (byte)'Z', (byte)'h', ..] => "it is compressed by bzip2; repack it as .tar.gz",
        [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', ..] => "it is compressed by xz; repack it as .tar.gz",
        [0x28, 0xB5, 0x2F, 0xFD, ..] => "it is compressed by zstd; repack it as .tar.gz",
        [(byte)'7', (byte)'z', 0xBC, 0xAF, ..] => "it is a 7z archive; repack it as .zip",
        [(byte)'R', (byte)'a', (byte)'r', (byte)'!', ..] => "it is a RAR archive; repack it as .zip",
        [(byte)'<', ..] => "it looks like a web page; was the download refused?",
        _ => $"it starts with {Convert.ToHexString(start[..Math.Min(8, start.Length)])}",
    };
}
