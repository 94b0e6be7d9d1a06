using System.Security.Cryptography;
using System.Text;

namespace Airbench.Data;

/// <summary>
/// Image files as they are: directories, archives, CSV manifests, single files. The hash covers every path, class and size; of an archive all
/// bytes; of a CSV manifest the rows, but not the images that they name.
/// </summary>
public sealed class LooseImages : ImageStream
{
    /// <summary>Most class names of a source; more are rather file names or comments in the wrong column.</summary>
    public const int MaxClasses = 100_000;

    private readonly ImageFiles _files;
    private readonly string[] _classes;

    private LooseImages(ImageFiles files, string name, IProgress progress, CancellationToken cancel)
    {
        (_files, Name) = (files, name);
        (Count, _classes, Sha256) = Scan(progress, cancel);
        if (Count == 0)
        {
            throw new DataException($"{files.Root}: holds no image; expected .jpg, .jpeg or .png files, or rows that name some");
        }
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override string Sha256 { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Classes => _classes;

    /// <inheritdoc/>
    public override int Count { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Warnings => [.. _files.Warnings.Select(warning => $"{_files.Root}: {warning}")];

    /// <summary>
    /// Labelled images: a directory or archive of <c>&lt;class&gt;/*</c> or <c>test/&lt;class&gt;/*</c>, or a CSV file with the columns path and label.
    /// </summary>
    /// <param name="path">The directory or file.</param>
    /// <param name="split">Which side is taken where there is train/ or test/.</param>
    /// <param name="maxUnpackedBytes">Bound on what an archive unpacks to.</param>
    /// <param name="progress">Where to say what happens.</param>
    /// <param name="cancel">Ends the first pass, which counts images and classes.</param>
    /// <exception cref="DataException">Nothing is there, or no labelled images.</exception>
    /// <exception cref="InvalidFileException">A file that is no archive and no CSV, or is damaged.</exception>
    public static LooseImages OpenLabelled(string path, Split split, long maxUnpackedBytes, IProgress progress, CancellationToken cancel)
    {
        RequireExists(path);
        var files = IsManifest(path)
            ? (ImageFiles)new ManifestFiles(path, labelled: true)
            : new TreeFiles(FileTree.Open(path, maxUnpackedBytes), labelled: true, split);
        return new LooseImages(files, NameOf(path), progress, cancel);
    }

    /// <summary>What <see cref="OpenLabelled"/> would read: the directory or archive itself; of a CSV file also the images that it names.</summary>
    /// <exception cref="InvalidFileException">It is a CSV file that cannot be read.</exception>
    public static IEnumerable<string> FilesOf(string path) => IsManifest(path) && File.Exists(path)
        ? new ManifestFiles(path, labelled: true).Walk().Select(image => ((LooseFile)image.Entry).FullPath).Prepend(path)
        : [path];

    /// <summary>Images without labels: any mixture of image files, directories, archives, and CSV files with a column path.</summary>
    /// <param name="paths">As the user named them; the paths of rows begin with them.</param>
    /// <param name="maxUnpackedBytes">Bound on what an archive unpacks to.</param>
    /// <param name="progress">Where to say what happens.</param>
    /// <param name="cancel">Ends the first pass, which counts images.</param>
    /// <inheritdoc cref="OpenLabelled"/>
    public static LooseImages OpenUnlabelled(IReadOnlyList<string> paths, long maxUnpackedBytes, IProgress progress, CancellationToken cancel)
    {
        var parts = paths.Select(path => OpenPart(path, maxUnpackedBytes)).ToList();
        return new LooseImages(new JoinedFiles(parts), string.Join(' ', paths.Select(NameOf)), progress, cancel);
    }

    /// <summary>The images of these numbers alone, in the order of the source; one that cannot be read or decoded is left out.</summary>
    /// <param name="indices">Numbers in the source, from 0, broken images included.</param>
    /// <param name="imageSize">Height and width S of the pixels.</param>
    /// <returns>Number and uint8 [3,S,S], planar RGB.</returns>
    /// <exception cref="DataException">The source changed, or an archive breaks a bound.</exception>
    public IEnumerable<(int Index, byte[] PlanarRgb)> Pick(IReadOnlySet<int> indices, int imageSize)
    {
        using var decoder = new ImageDecoder();
        var (buffer, left) = (Array.Empty<byte>(), indices.Count);
        foreach (var (index, (entry, _)) in _files.Walk().Index())
        {
            if (indices.Contains(index) && Source.TryRead(entry, ref buffer) is (var bytes, null))
            {
                var pixels = new byte[3 * imageSize * imageSize];
                if (TryDecode(decoder, bytes.Span, imageSize, pixels))
                {
                    yield return (index, pixels);
                }
            }
            left -= indices.Contains(index) ? 1 : 0;
            if (left == 0)
            {
                yield break;
            }
        }
    }

    /// <inheritdoc/>
    internal override IEnumerable<ImageChunk> Produce(int imageSize, int batchSize, Shard shard, ChunkPool pool, CancellationToken cancel)
    {
        var pipeline = new DecodePipeline(new Source(this, batchSize, shard), imageSize);
        var (chunk, block) = (pool.Take(), -1);
        foreach (var batch in pipeline.Run(cancel))
        {
            foreach (var (i, image) in batch.Images.Index())
            {
                if (image.Index / batchSize != block && chunk.Images.Count > 0)
                {
                    yield return chunk;
                    chunk = pool.Take();
                }
                block = image.Index / batchSize;
                chunk.Add(new StreamedImage(image.Index, image.Path, image.Label, image.Error), batch.Pixels(i));
            }
        }
        if (chunk.Images.Count > 0)
        {
            yield return chunk;
        }
    }

    private static bool TryDecode(ImageDecoder decoder, ReadOnlySpan<byte> file, int size, Span<byte> planarRgb)
    {
        try
        {
            decoder.Decode(file, size, planarRgb);
            return true;
        }
        catch (DataException)
        {
            return false;   // a broken image has a row of its own wherever it counts
        }
    }

    private static ImageFiles OpenPart(string path, long maxUnpackedBytes) =>
        Directory.Exists(path) ? new TreeFiles(new FolderTree(path), labelled: false, Split.Test, WithSeparator(path))
        : IsManifest(path) && File.Exists(path) ? new ManifestFiles(path, labelled: false)
        : ImageDecoder.HasImageExtension(path) || !File.Exists(path) ? new SingleFile(path)
        : new TreeFiles(FileTree.Open(path, maxUnpackedBytes), labelled: false, Split.Test, path + "/");

    private static string WithSeparator(string folder) => Path.EndsInDirectorySeparator(folder) ? folder : folder + "/";

    private static bool IsManifest(string path) => !Directory.Exists(path) && path.EndsWith(".csv", StringComparison.OrdinalIgnoreCase);

    private static string NameOf(string path) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));

    private static void RequireExists(string path)
    {
        if (!Path.Exists(path))
        {
            throw new DataException(
                $"{path}: does not exist (looked at {Path.GetFullPath(path)}); expected a directory of <class>/*, a .tar, .tar.gz or .zip of it, or a .csv with path,label");
        }
    }

    /// <summary>The first pass: how many, which classes, and the hash. Reads no image.</summary>
    private (int Count, string[] Classes, string Sha256) Scan(IProgress progress, CancellationToken cancel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var classes = new HashSet<string>(StringComparer.Ordinal);
        var count = 0L;
        foreach (var (entry, label) in _files.Walk())
        {
            cancel.ThrowIfCancellationRequested();
            hash.AppendData(Encoding.UTF8.GetBytes(FormattableString.Invariant($"{entry.Path}\0{label}\0{entry.Bytes}\n")));
            if (label is not null && classes.Add(label) && classes.Count > MaxClasses)
            {
                throw new DataException($"{_files.Root}: names more than {MaxClasses} classes; is the label column the right one?");
            }
            count++;
        }
        if (_files.Container is { } archive)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(Hash.OfFile(archive)));
        }
        if (count > int.MaxValue)
        {
            throw new DataException($"{_files.Root}: holds {count:N0} images; at most {int.MaxValue:N0} are evaluated in one call");
        }
        foreach (var warning in Warnings)
        {
            progress.Warn(warning);
        }
        return ((int)count, [.. classes.Order(StringComparer.Ordinal)], Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    /// <summary>The images of one shard, encoded.</summary>
    private sealed class Source(LooseImages images, int batchSize, Shard shard) : IImageSource
    {
        private readonly Dictionary<string, int> _labels = images._classes.Index().ToDictionary(c => c.Item, c => c.Index, StringComparer.Ordinal);

        public IReadOnlyList<string> Classes => images.Classes;

        public int Count => images.Count;

        public IEnumerable<SourceImage> Read()
        {
            var index = 0;
            var buffer = Array.Empty<byte>();
            foreach (var (entry, name) in images._files.Walk())
            {
                if (index == Count || (name is not null && !_labels.ContainsKey(name)))
                {
                    throw Changed(entry.Path);
                }
                if (shard.Owns(index / batchSize))
                {
                    var image = new SourceImage { Path = entry.Path, Split = Split.Test, Index = index, Label = name is null ? -1 : _labels[name] };
                    (image.Bytes, image.Error) = TryRead(entry, ref buffer);
                    yield return image;
                }
                index++;
            }
            if (index < Count)
            {
                throw Changed("the end");
            }
        }

        public void Decode(SourceImage image, ImageDecoder decoder, int size, Span<byte> planarRgb) =>
            decoder.Decode(image.Bytes.Span, size, planarRgb);

        private DataException Changed(string at) => new($"{images._files.Root}: changed while it was read (at {at}); run again when it is at rest");

        /// <summary>A file that cannot be read is a broken image; an archive that cannot is a broken archive, and that ends the work.</summary>
        internal static (ReadOnlyMemory<byte> Bytes, string? Error) TryRead(TreeEntry entry, ref byte[] buffer)
        {
            try
            {
                return (entry.Read(ref buffer), null);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException || (e is DataException && entry is LooseFile))
            {
                return (default, $"cannot be read: {e.Message}");
            }
        }
    }
}
