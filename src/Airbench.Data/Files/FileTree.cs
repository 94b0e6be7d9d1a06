namespace Airbench.Data;

/// <summary>Files below a root, be it a directory or an archive, in a fixed order; can be walked more than once.</summary>
internal abstract class FileTree
{
    /// <summary>A single file larger than this counts as broken: no image of at most 100 megapixels needs it.</summary>
    public const int MaxFileBytes = 128 << 20;

    /// <summary>The directory or archive, as the user named it.</summary>
    public abstract string Root { get; }

    /// <summary>What <see cref="FileEntry.Position"/> counts up to.</summary>
    public abstract long Length { get; }

    /// <summary>Unit of <see cref="Length"/>.</summary>
    public abstract string Unit { get; }

    /// <summary>Every file and folder but hidden ones. An entry can be read until the next is asked for.</summary>
    /// <param name="leftOut">Takes note of hidden images and of what is no file.</param>
    /// <exception cref="DataException">An entry that is not safe: outside the root, a link, a device in an archive, past a bound.</exception>
    /// <exception cref="InvalidFileException">The archive is damaged.</exception>
    public abstract IEnumerable<FileEntry> Walk(LeftOut? leftOut = null);

    /// <summary>The files of <see cref="Walk"/> that are images to read, see <see cref="ImageSieve"/>.</summary>
    /// <param name="leftOut">Takes note of the others.</param>
    public IEnumerable<FileEntry> Images(LeftOut? leftOut = null) => Walk(leftOut).Where(entry => !entry.IsFolder && ImageSieve.Takes(entry, leftOut));

    /// <summary>The tree behind <paramref name="path"/>: a directory, or an archive by its first bytes.</summary>
    /// <param name="path">The directory or archive.</param>
    /// <param name="maxUnpackedBytes">Bound on what an archive unpacks to.</param>
    /// <param name="nameEncoding">Of the names in a .zip that are not marked as UTF-8; null for UTF-8.</param>
    /// <exception cref="InvalidFileException">A file that is no archive.</exception>
    public static FileTree Open(string path, long maxUnpackedBytes, string? nameEncoding = null)
    {
        if (Directory.Exists(path))
        {
            return new FolderTree(path);
        }
        FileKind.Require(path);
        var start = GivenFile.HeadOf(path);
        return ArchiveKindOf(start) switch
        {
            ArchiveKind.Gzip => new TarTree(path, gzip: true, maxUnpackedBytes),
            ArchiveKind.Zip => new ZipTree(path, maxUnpackedBytes, nameEncoding),
            ArchiveKind.Tar => new TarTree(path, gzip: false, maxUnpackedBytes),
            _ => throw new InvalidFileException(path, $"is not a .tar, .tar.gz or .zip archive: {Describe(start)}"),
        };
    }

    /// <summary>Kind of the archive that begins with <paramref name="start"/>; null where it is none that is read.</summary>
    public static ArchiveKind? ArchiveKindOf(ReadOnlySpan<byte> start) => start switch
    {
        [0x1F, 0x8B, ..] => ArchiveKind.Gzip,
        [(byte)'P', (byte)'K', 3, 4, ..] or [(byte)'P', (byte)'K', 5, 6, ..] => ArchiveKind.Zip,
        _ when start.Length >= 512 && LooksLikeTar(start[..512]) => ArchiveKind.Tar,
        _ => null,
    };

    /// <summary>What a file that begins with <paramref name="start"/> is, for the end of a sentence.</summary>
    public static string Describe(ReadOnlySpan<byte> start) => start switch
    {
        [] => "it is empty",
        [(byte)'B', (byte)'Z', (byte)'h', ..] => "it is compressed by bzip2; repack it as .tar.gz",
        [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', ..] => "it is compressed by xz; repack it as .tar.gz",
        [0x28, 0xB5, 0x2F, 0xFD, ..] => "it is compressed by zstd; repack it as .tar.gz",
        [0x04, 0x22, 0x4D, 0x18, ..] => "it is compressed by lz4; repack it as .tar.gz",
        [0x5D, 0, 0, ..] => "it is compressed by lzma; repack it as .tar.gz",
        [0x1F, 0x9D, ..] => "it is compressed by compress; repack it as .tar.gz",
        [(byte)'7', (byte)'z', 0xBC, 0xAF, ..] => "it is a 7z archive; repack it as .zip",
        [(byte)'R', (byte)'a', (byte)'r', (byte)'!', ..] => "it is a RAR archive; repack it as .zip",
        _ when ImageFormats.Of(start) is { } format => $"it is {format.InSentence}",
        [(byte)'<', ..] => "it looks like a web page; was the download refused?",
        _ => $"it starts with {Convert.ToHexString(start[..Math.Min(8, start.Length)])}",
    };

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
}
