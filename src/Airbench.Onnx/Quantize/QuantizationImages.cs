using Airbench.Data;

namespace Airbench.Onnx;

/// <summary>
/// The images that a model is quantized with: some that ranges are read off, others that decide which layers stay in float, and all but the first for
/// the comparison. Drawn by a seed; what is looked at more than once is in memory.
/// </summary>
internal sealed class QuantizationImages : IDisposable
{
    /// <summary>Fewer are no comparison.</summary>
    public const int Least = 10;

    /// <summary>Images that decide which layers stay in float; from <see cref="VariantGate.SmallSet"/> on accuracy would, which needs labels.</summary>
    private const int MostHeldOut = VariantGate.SmallSet - 1;

    /// <summary>Bound on each of the two sets in memory.</summary>
    private const long MostBytes = 256 << 20;

    private readonly IReadOnlyList<IEvaluationSource> _sources;
    private readonly int[]? _rows;   // the model's class of each class of the images
    private readonly Fit _fit;
    private readonly int[] _compared;

    private QuantizationImages(IReadOnlyList<IEvaluationSource> sources, int[]? rows, int size, Fit fit, QuantizeOptions options)
    {
        (_sources, _rows, Size, _fit) = (sources, rows, size, fit);
        var order = Enumerable.Range(0, sources.Sum(source => source.Count)).ToArray();
        new Random(options.Seed).Shuffle(order);
        var held = (int)Math.Max(1, MostBytes / (3L * size * size));
        var calibration = Math.Min(Math.Min(options.Calibration.Images, held), order.Length / 2);
        CalibrationIndices = order[..calibration];
        _compared = order[calibration..Math.Min(order.Length, calibration + options.MaxImages)];
        HeldOutIndices = _compared[..Math.Min(_compared.Length, Math.Min(MostHeldOut, held))];
    }

    /// <summary>Height and width S.</summary>
    public int Size { get; }

    /// <summary>Whether the right answers are known.</summary>
    public bool HasLabels => _rows is not null;

    /// <summary>Numbers of the images that ranges come from.</summary>
    public IReadOnlyList<int> CalibrationIndices { get; }

    /// <summary>Numbers of those that decide which layers stay in float.</summary>
    public IReadOnlyList<int> HeldOutIndices { get; }

    /// <summary>Opens a prepared set, labelled images, or any images.</summary>
    /// <param name="data">A folder, an archive or a CSV file.</param>
    /// <param name="model">The model's file, for messages.</param>
    /// <param name="classes">Names of the model's classes; null where they are not known, so that labels cannot be matched.</param>
    /// <param name="size">S.</param>
    /// <param name="fit">How images become square.</param>
    /// <param name="options">How many, and by which seed.</param>
    /// <param name="progress">Told why labels are not used.</param>
    /// <param name="cancel">Ends the count.</param>
    /// <exception cref="DataException">There are none, too few, or prepared ones of another size.</exception>
    public static QuantizationImages Open(
        string data, string model, IReadOnlyList<string>? classes, int size, Fit fit, QuantizeOptions options, IProgress progress, CancellationToken cancel)
    {
        var sources = File.Exists(Path.Combine(data, Dataset.ManifestName)) ? Prepared(data, size, fit) : Files(data, classes, options, progress, cancel);
        var images = new QuantizationImages(sources, Rows(sources[0], model, classes, progress), size, fit, options);
        var count = sources.Sum(source => source.Count);
        if (count < Least)
        {
            images.Dispose();
            throw new DataException($"{data}: {Counted.Of(count, "image")}; expected at least {Least}, and better some hundred: half for calibration, the others to compare the two models on");
        }
        return images;
    }

    /// <summary>Images that can be read of those numbered, with their labels (-1 without), in batches.</summary>
    public IEnumerable<(byte[] Pixels, int[] Labels)> Read(IReadOnlyList<int> numbers, Action<SourceImage> onBroken, CancellationToken cancel)
    {
        var first = 0;
        foreach (var source in _sources)
        {
            var start = first;
            var wanted = numbers.Where(number => number >= start && number < start + source.Count).Select(number => number - start).ToHashSet();
            first += source.Count;
            if (wanted.Count == 0)
            {
                continue;
            }
            foreach (var batch in new BatchReader(new Chosen(source, wanted), Size, _fit).Read(cancel))
            {
                foreach (var broken in batch.Images.Where(image => image.Error is not null))
                {
                    onBroken(broken);
                }
                var labels = batch.Images.Where(image => image.Error is null).Select(image => _rows is null || image.Label < 0 ? -1 : _rows[image.Label]).ToArray();
                yield return (batch.Pixels[..(labels.Length * 3 * Size * Size)].ToArray(), labels);
            }
        }
    }

    /// <summary>The images of the comparison.</summary>
    public IEnumerable<(byte[] Pixels, int[] Labels)> Compared(Action<SourceImage> onBroken, CancellationToken cancel) => Read(_compared, onBroken, cancel);

    /// <summary>Images of the comparison, unreadable ones included.</summary>
    public int ComparedCount => _compared.Length;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var source in _sources)
        {
            source.Dispose();
        }
    }

    private static List<IEvaluationSource> Prepared(string folder, int size, Fit fit)
    {
        var dataset = Dataset.Open(folder);
        var (found, name) = (dataset.Manifest, dataset.Manifest.Name);
        if (found.ImageSize != size || found.Fit != fit)
        {
            throw new DataException($"data set {name} has images of {found.ImageSize} pixels, fit: {Text(found.Fit)}; the model takes {size} and fit: {Text(fit)}. Prepare it so, or give the images themselves");
        }
        return [.. new[] { Split.Train, Split.Test }.Where(split => split == Split.Train ? found.TrainCount > 0 : found.TestCount > 0).Select(split => new PreparedImages(dataset, split))];

        static string Text(Fit fit) => fit.ToString().ToLowerInvariant();
    }

    /// <summary>Labelled images where they are in class folders or a CSV file and the model's classes are known; else any images.</summary>
    private static List<IEvaluationSource> Files(string data, IReadOnlyList<string>? classes, QuantizeOptions options, IProgress progress, CancellationToken cancel)
    {
        const long MaxUnpackedBytes = 1L << 40;
        if (classes is not null)
        {
            try
            {
                return [LabelledFiles.Open(data, Split.Test, MaxUnpackedBytes, progress, cancel, options.NameEncoding)];
            }
            catch (DataException e)
            {
                progress.Info($"labels are not used: {e.Message}");
            }
        }
        var images = UnlabelledFiles.Open([data], MaxUnpackedBytes, progress, cancel, options.NameEncoding);
        if (images.LeftOut.OtherFilesLine is { } line)
        {
            progress.Info(line);
        }
        return [images];
    }

    private static int[]? Rows(IEvaluationSource images, string model, IReadOnlyList<string>? classes, IProgress progress)
    {
        if (classes is null || images.Classes.Count == 0)
        {
            return null;
        }
        try
        {
            return LabelMap.Match(images.Name, images.Classes, model, classes);
        }
        catch (DataException e)
        {
            progress.Warn($"labels are not used: {e.Message}");
            return null;
        }
    }

    /// <summary>Some images of a source.</summary>
    private sealed class Chosen(IEvaluationSource source, IReadOnlySet<int> wanted) : IImageSource
    {
        public IReadOnlyList<string> Classes => source.Classes;

        public int Count => wanted.Count;

        public IEnumerable<SourceImage> Read(Func<int, bool> isWanted) => source.Read(index => wanted.Contains(index) && isWanted(index));

        public void Decode(SourceImage image, ImageDecoder decoder, int size, Span<byte> planarRgb) => source.Decode(image, decoder, size, planarRgb);
    }
}
