using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Airbench.Data;

/// <summary>
/// Image files in class folders, of a directory or an archive: the images of a data set. Walked twice: to decide which image goes where, then
/// to decode.
/// </summary>
internal sealed class ClassFolders : IImageSource
{
    private readonly FileTree _tree;
    private readonly List<ScannedFile> _files;
    private readonly ClassLayout _layout;

    private ClassFolders(FileTree tree, List<ScannedFile> files, ClassLayout layout, LeftOut leftOut)
    {
        LeftOut = leftOut;
        _tree = tree;
        _files = files;
        _layout = layout;
        Count = layout.Placements.Count(p => p is not null);
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Classes => _layout.Classes;

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public LeftOut LeftOut { get; }

    /// <summary>The folder with the images for testing, such as test or val; null where there is none.</summary>
    public string? TestFolder => _layout.TestFolder;

    /// <summary>What the first look found of every image of the set, in the order of <see cref="Read"/>.</summary>
    public IEnumerable<(ScannedFile File, Placement Place)> Scanned =>
        _files.Zip(_layout.Placements).Where(f => f.Second is not null).Select(f => (f.First, f.Second!.Value));

    /// <summary>Looks at every file once: safety, names, content hashes.</summary>
    /// <exception cref="DataException">Unsafe entries, or folders that make no data set.</exception>
    /// <exception cref="InvalidFileException">A damaged archive.</exception>
    public static ClassFolders Open(FileTree tree, double testFraction, IProgress progress, CancellationToken cancel)
    {
        var files = new List<ScannedFile>();
        var folders = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var leftOut = new LeftOut();
        var buffer = Array.Empty<byte>();
        using (var task = progress.Start("scan", tree.Length, tree.Unit))
        {
            foreach (var entry in tree.Walk(leftOut))
            {
                cancel.ThrowIfCancellationRequested();
                if (entry.IsFolder)
                {
                    folders.Add(entry.Path);
                }
                else if (!seen.Add(entry.Path))
                {
                    throw new DataException($"{tree.Root}: '{entry.Path}' occurs twice. An image counts once: remove the others");
                }
                else if (ImageSieve.Takes(entry, leftOut))
                {
                    files.Add(new ScannedFile(entry.Path, HashOf(entry, ref buffer)));
                }
                task.Report(entry.Position);
            }
        }
        var layout = ClassLayout.Of(tree.Root, files, folders, testFraction, leftOut);
        foreach (var warning in layout.Warnings)
        {
            progress.Warn($"{tree.Root}: {warning}");
        }
        leftOut.Say(tree.Root, layout.Expected, progress);
        return new ClassFolders(tree, files, layout, leftOut);
    }

    /// <inheritdoc/>
    public IEnumerable<SourceImage> Read(Func<int, bool> wanted)
    {
        var (file, index) = (0, 0);
        var buffer = Array.Empty<byte>();
        foreach (var entry in _tree.Images())
        {
            if (file == _files.Count || _files[file].Path != entry.Path)
            {
                throw Changed(entry.Path);
            }
            if (_layout.Placements[file] is { } place)
            {
                if (wanted(index))
                {
                    var (bytes, error) = entry.TryRead(ref buffer);
                    if (error is null && _files[file].Hash is { } hash && hash != HashOf(bytes))
                    {
                        throw Changed(entry.Path);
                    }
                    yield return new SourceImage
                    {
                        Index = index,
                        Path = entry.Path,
                        Split = place.Split,
                        Label = place.Label,
                        Bytes = bytes,
                        Error = error,
                    };
                }
                index++;
            }
            file++;
        }
        if (file < _files.Count)
        {
            throw Changed(_files[file].Path);
        }
    }

    /// <inheritdoc/>
    public void Decode(SourceImage image, ImageDecoder decoder, int size, Span<byte> planarRgb) =>
        decoder.Decode(image.Bytes.Span, size, planarRgb);

    private DataException Changed(string path) => new($"{_tree.Root}: changed while it was read ('{path}'); run again when nothing writes to it");

    private static ulong? HashOf(FileEntry entry, ref byte[] buffer) => entry.TryRead(ref buffer) is (var bytes, null) ? HashOf(bytes) : null;   // a broken image has none

    private static ulong HashOf(ReadOnlyMemory<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes.Span, hash);
        return BinaryPrimitives.ReadUInt64BigEndian(hash);
    }
}
