using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Airbench.Data;

/// <summary>
/// Image files as they are: directories, archives, CSV manifests, single files; see <see cref="LabelledFiles"/> and <see cref="UnlabelledFiles"/>.
/// The hash covers every path, class and size; of an archive all bytes; of a CSV manifest the rows, but not the images that they name.
/// </summary>
public sealed class FileSource : IEvaluationSource
{
    /// <summary>Most class names of a source; more are rather file names or comments in the wrong column.</summary>
    public const int MaxClasses = 100_000;

    private readonly FileList _files;
    private readonly Dictionary<string, int> _labels;

    private FileSource(FileList files, string name, int count, string[] classes, string sha256, LeftOut leftOut)
    {
        _files = files;
        _labels = classes.Index().ToDictionary(c => c.Item, c => c.Index, StringComparer.Ordinal);
        (Name, Count, Classes, Sha256, LeftOut) = (name, count, classes, sha256, leftOut);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string Sha256 { get; }

    /// <inheritdoc/>
    public bool Synthetic => false;

    /// <inheritdoc/>
    public (int Size, Fit Fit)? Prepared => null;

    /// <inheritdoc/>
    public IReadOnlyList<string> Classes { get; }

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public LeftOut LeftOut { get; }

    /// <summary>The first pass: how many, which classes, and the hash. Reads no image.</summary>
    /// <param name="files">The files.</param>
    /// <param name="name">Name of the source in results.</param>
    /// <param name="progress">Told about warnings.</param>
    /// <param name="cancel">Ends the pass.</param>
    /// <exception cref="DataException">No images, or too many, one of them twice, or too many classes.</exception>
    internal static FileSource Scan(FileList files, string name, IProgress progress, CancellationToken cancel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var classes = new HashSet<string>(StringComparer.Ordinal);
        var identities = new List<ulong>();   // hashes, 8 bytes an image
        var leftOut = new LeftOut();
        var count = 0L;
        foreach (var entry in files.Walk(leftOut))
        {
            cancel.ThrowIfCancellationRequested();
            hash.AppendData(Encoding.UTF8.GetBytes(FormattableString.Invariant($"{entry.Path}\0{entry.Class}\0{entry.Bytes}\n")));
            if (entry.Class is { } label && classes.Add(label) && classes.Count > MaxClasses)
            {
                throw new DataException($"{files.Root}: names more than {MaxClasses} classes; is the label column the right one?");
            }
            if (files.IsDistinct)
            {
                identities.Add(HashOf(entry));
            }
            count++;
        }
        if (files.Archive is { } archive)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(Hash.OfFile(archive)));
        }
        if (count > int.MaxValue)
        {
            throw new DataException($"{files.Root}: holds {count:N0} images; at most {int.MaxValue:N0} are evaluated in one call");
        }
        foreach (var warning in files.Warnings)
        {
            progress.Warn($"{files.Root}: {warning}");
        }
        if (count == 0)
        {
            var also = string.Concat(leftOut.Lines(files.Expected).Select(line => $"; {line.Line}"));
            throw new DataException($"{files.Root}: holds no image; expected files of {ImageFormats.ReadNames}, or rows that name some{also}");
        }
        leftOut.Say(files.Root, files.Expected, progress);
        RequireDistinct(files, identities, cancel);
        return new FileSource(
            files, name, (int)count, [.. classes.Order(StringComparer.Ordinal)], Convert.ToHexStringLower(hash.GetHashAndReset()), leftOut);
    }

    /// <inheritdoc/>
    public IEnumerable<SourceImage> Read(Func<int, bool> wanted)
    {
        var index = 0;
        var buffer = Array.Empty<byte>();
        foreach (var entry in _files.Walk(null))
        {
            var label = -1;
            if (index == Count || (entry.Class is { } name && !_labels.TryGetValue(name, out label)))
            {
                throw Changed(entry.Path);
            }
            if (wanted(index))
            {
                var (bytes, error) = entry.TryRead(ref buffer);
                yield return new SourceImage { Index = index, Path = entry.Path, Split = Split.Test, Label = label, Bytes = bytes, Error = error };
            }
            index++;
        }
        if (index < Count)
        {
            throw Changed("the end");
        }
    }

    /// <inheritdoc/>
    public void Decode(SourceImage image, ImageDecoder decoder, int size, Span<byte> planarRgb) =>
        decoder.Decode(image.Bytes.Span, size, planarRgb);

    /// <summary>Nothing is open but while it is read.</summary>
    public void Dispose()
    {
    }

    private DataException Changed(string at) => new($"{_files.Root}: changed while it was read (at {at}); run again when nothing writes to it");

    /// <summary>
    /// An image that occurs twice would be counted twice, and may have two labels. Equal hashes are only where to look: a second pass compares
    /// the paths themselves.
    /// </summary>
    private static void RequireDistinct(FileList files, List<ulong> identities, CancellationToken cancel)
    {
        var sorted = CollectionsMarshal.AsSpan(identities);
        sorted.Sort();
        var suspects = new HashSet<ulong>();
        for (var i = 1; i < sorted.Length; i++)
        {
            if (sorted[i] == sorted[i - 1])
            {
                suspects.Add(sorted[i]);
            }
        }
        if (suspects.Count == 0)
        {
            return;
        }
        var (seen, again) = (new Dictionary<string, FileEntry>(StringComparer.Ordinal), new List<string>());
        foreach (var entry in files.Walk(null))
        {
            cancel.ThrowIfCancellationRequested();
            if (suspects.Contains(HashOf(entry)) && !seen.TryAdd(entry.Identity, entry))
            {
                var first = seen[entry.Identity];
                var labels = first.Class == entry.Class ? "" : $", with the labels '{first.Class}' and '{entry.Class}'";
                again.Add(entry is CsvRow ? $"'{entry.Path}' occurs twice, in rows {first.Position} and {entry.Position}{labels}" : $"'{entry.Path}' occurs twice");
            }
        }
        if (again.Count > 0)
        {
            var more = again.Count > 3 ? $"; and {again.Count - 3} more" : "";
            throw new DataException($"{files.Root}: {string.Join("; ", again.Take(3))}{more}. An image counts once: remove the others");
        }
    }

    private static ulong HashOf(FileEntry entry) => XxHash3.HashToUInt64(MemoryMarshal.AsBytes(entry.Identity.AsSpan()));
}
