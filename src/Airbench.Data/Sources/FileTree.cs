namespace Airbench.Data;

/// <summary>Files below a root, be it a directory or an archive, in a fixed order; can be walked more than once.</summary>
internal abstract class FileTree
{
    /// <summary>A single file larger than this is refused: no image of at most 100 megapixels needs it.</summary>
    public const int MaxFileBytes = 128 << 20;

    /// <summary>The directory or archive, as the user named it.</summary>
    public abstract string Root { get; }

    /// <summary>What <see cref="TreeEntry.Position"/> counts up to.</summary>
    public abstract long Length { get; }

    /// <summary>Unit of <see cref="Length"/>.</summary>
    public abstract string Unit { get; }

    /// <summary>Every file and folder. An entry can be read until the next is asked for.</summary>
    /// <exception cref="DataException">An entry that is not safe: outside the root, a link, a device, past a bound.</exception>
    /// <exception cref="InvalidFileException">The archive is damaged.</exception>
    public abstract IEnumerable<TreeEntry> Walk();

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

/// <summary>A file or folder of a <see cref="FileTree"/>.</summary>
/// <param name="Path">Relative to the root, separated by '/', without '.' or '..'.</param>
/// <param name="IsFolder">Whether it is a folder.</param>
/// <param name="Position">How far the walk has come, in <see cref="FileTree.Unit"/>s.</param>
internal abstract record TreeEntry(string Path, bool IsFolder, long Position)
{
    /// <summary>Size of a file that was found on disk; null in an archive and where there is no such file.</summary>
    public virtual long? Bytes => null;

    /// <summary>The whole content, into <paramref name="buffer"/>, which grows as needed.</summary>
    /// <exception cref="DataException">Larger than <paramref name="maxBytes"/>.</exception>
    /// <exception cref="InvalidFileException">The archive is damaged here.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file must not be read.</exception>
    public abstract ReadOnlyMemory<byte> Read(ref byte[] buffer, int maxBytes = FileTree.MaxFileBytes);

    /// <summary>Reads <paramref name="content"/> to its end.</summary>
    protected ReadOnlyMemory<byte> ReadAll(Stream content, ref byte[] buffer, int maxBytes)
    {
        var used = 0;
        while (true)
        {
            if (used == buffer.Length)
            {
                Array.Resize(ref buffer, (int)Math.Max(64 << 10, Math.Min(2L * used, maxBytes + 1L)));
            }
            var read = content.Read(buffer, used, buffer.Length - used);
            used += read;
            if (used > maxBytes)
            {
                throw new DataException($"'{Path}' is larger than {maxBytes:N0} bytes, more than any image needs");
            }
            if (read == 0)
            {
                return buffer.AsMemory(0, used);
            }
        }
    }
}
