using System.Text;

namespace Airbench.Data;

/// <summary>The records of a CIFAR binary archive: label bytes, then 3,072 bytes of planar RGB [3, 32, 32].</summary>
/// <remarks>
/// The unpacked files (184 MB) are held in memory: the archive has them in no useful order, and images should come in that of
/// the files' names.
/// </remarks>
internal sealed class CifarImages : IImageSource
{
    private const int Size = 32;
    private const int PixelBytes = 3 * Size * Size;
    private const int MaxFileBytes = 256 << 20;
    private readonly CifarSet _set;
    private readonly Dictionary<string, ReadOnlyMemory<byte>> _files;

    private CifarImages(CifarSet set, string archive, Dictionary<string, ReadOnlyMemory<byte>> files)
    {
        _set = set;
        _files = files;
        Classes = Encoding.UTF8.GetString(files[set.ClassesFile].Span).Split(
            '\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (Classes.Count != set.ClassCount)
        {
            throw new InvalidFileException(archive, $"{set.ClassesFile} names {Classes.Count} classes; expected {set.ClassCount}");
        }
        foreach (var (_, name) in Files)
        {
            CheckRecords(archive, name, files[name].Span);
            Count += files[name].Length / RecordBytes;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Classes { get; }

    /// <inheritdoc/>
    public int Count { get; }

    private IEnumerable<(Split Split, string Name)> Files =>
        _set.TrainFiles.Select(name => (Split.Train, name)).Concat(_set.TestFiles.Select(name => (Split.Test, name)));

    private int RecordBytes => _set.LabelBytes + PixelBytes;

    /// <summary>Unpacks <paramref name="archive"/> and checks every record.</summary>
    /// <exception cref="InvalidFileException">A file is missing, or has records that cannot be.</exception>
    public static CifarImages Open(CifarSet set, string archive, long maxUnpackedBytes, IProgress progress, CancellationToken cancel)
    {
        var wanted = set.TrainFiles.Concat(set.TestFiles).Append(set.ClassesFile).ToHashSet();
        var files = new Dictionary<string, ReadOnlyMemory<byte>>();
        var tree = FileTree.Open(archive, maxUnpackedBytes);
        using var task = progress.Start("unpack", tree.Length, tree.Unit);
        foreach (var entry in tree.Walk())
        {
            cancel.ThrowIfCancellationRequested();
            var name = entry.Path[(entry.Path.LastIndexOf('/') + 1)..];
            if (!entry.IsFolder && wanted.Remove(name))
            {
                var buffer = Array.Empty<byte>();
                files[name] = entry.Read(ref buffer, MaxFileBytes);
            }
            task.Report(entry.Position);
        }
        return wanted.Count == 0
            ? new CifarImages(set, archive, files)
            : throw new InvalidFileException(
                archive, $"lacks {string.Join(", ", wanted.Order(StringComparer.Ordinal))}; expected the binary version, {set.FileName}");
    }

    /// <inheritdoc/>
    public IEnumerable<SourceImage> Read(Func<int, bool> wanted)
    {
        var index = 0;
        foreach (var (split, name) in Files)
        {
            var file = _files[name];
            for (var record = 0; record < file.Length / RecordBytes; record++, index++)
            {
                if (wanted(index))
                {
                    var bytes = file.Slice(record * RecordBytes, RecordBytes);
                    yield return new SourceImage
                    {
                        Index = index,
                        Path = FormattableString.Invariant($"{name}#{record}"),
                        Split = split,
                        Label = bytes.Span[_set.LabelBytes - 1],
                        Bytes = bytes[_set.LabelBytes..],
                    };
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Decode(SourceImage image, ImageDecoder decoder, int size, Span<byte> planarRgb) =>
        ImageDecoder.Resize(image.Bytes.Span, Size, size, planarRgb);

    private void CheckRecords(string archive, string name, ReadOnlySpan<byte> file)
    {
        if (file.Length == 0 || file.Length % RecordBytes != 0)
        {
            throw new InvalidFileException(
                archive, $"{name} has {file.Length} bytes; expected a multiple of {RecordBytes}, the length of a record");
        }
        for (var record = 0; record < file.Length / RecordBytes; record++)
        {
            var label = file[(record * RecordBytes) + _set.LabelBytes - 1];
            if (label >= _set.ClassCount)
            {
                throw new InvalidFileException(archive, $"{name}: record {record} has label {label}; expected 0 to {_set.ClassCount - 1}");
            }
        }
    }
}
