namespace Airbench.Data;

/// <summary>What a folder or archive of labelled images holds: a look before anything is decided about it.</summary>
public sealed record ImageSurvey
{
    /// <summary>Most images that are decoded in full; of more, every k-th is, and of the others the header.</summary>
    public const int MostDecoded = 5_000;

    /// <summary>Whether it is an archive.</summary>
    public required bool IsArchive { get; init; }

    /// <summary>The folder with the images for testing, such as test or val; null where there is none, and some are held out by their content.</summary>
    public required string? TestFolder { get; init; }

    /// <summary>Every class with its readable images.</summary>
    public required IReadOnlyList<SurveyedClass> Classes { get; init; }

    /// <summary>Images, broken ones included.</summary>
    public required int Count { get; init; }

    /// <summary>Images that were decoded in full: all, or every k-th.</summary>
    public required int Decoded { get; init; }

    /// <summary>Readable images by format, the most frequent first.</summary>
    public required IReadOnlyList<(string Format, int Count)> Formats { get; init; }

    /// <summary>Shorter side of the readable images, pixels.</summary>
    public required Spread ShortSide { get; init; }

    /// <summary>Longer side of the readable images, pixels.</summary>
    public required Spread LongSide { get; init; }

    /// <summary>How many different sizes (width x height) there are.</summary>
    public required int Sizes { get; init; }

    /// <summary>
    /// Share (0 to 1) of images whose longer side is more than 1.5 times the shorter: a square from the centre leaves a third or more of them out.
    /// </summary>
    public required double LongShare { get; init; }

    /// <summary>Images that cannot be read, with the reason.</summary>
    public required IReadOnlyList<(string Path, string Error)> Broken { get; init; }

    /// <summary>Files with exactly the bytes of another.</summary>
    public required DuplicateFiles Duplicates { get; init; }

    /// <summary>What the reader of the folders warned of.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>Readable training images.</summary>
    public int TrainCount => Classes.Sum(c => c.Train);

    /// <summary>Readable test images.</summary>
    public int TestCount => Classes.Sum(c => c.Test);

    /// <summary>Looks at every image of <paramref name="path"/>, as the prepare stage will read them.</summary>
    /// <param name="path">A folder or archive.</param>
    /// <param name="options">Test fraction and bound on what an archive unpacks to.</param>
    /// <param name="progress">Told about each phase; warnings go into <see cref="Warnings"/>.</param>
    /// <param name="cancel">Ends the work within a batch.</param>
    /// <exception cref="DataException">Folders that make no data set, or a class without a readable training image.</exception>
    /// <exception cref="InvalidFileException">A damaged archive.</exception>
    public static ImageSurvey Of(string path, PrepareOptions options, IProgress progress, CancellationToken cancel)
    {
        var warnings = new GatheredWarnings(progress);
        var images = ClassFolders.Open(FileTree.Open(path, options.MaxUnpackedBytes, options.NameEncoding), options.TestFraction, warnings, cancel);
        var surveyed = new SurveyedImages(images, MostDecoded);
        var broken = new List<(string, string)>();
        var (train, test) = (new int[images.Classes.Count], new int[images.Classes.Count]);
        using (var task = progress.Start("look at", images.Count, "images"))
        {
            var done = 0;
            foreach (var batch in new BatchReader(surveyed, SurveyedImages.Size, Fit.Crop).Read(cancel))
            {
                foreach (var image in batch.Images)
                {
                    if (image.Error is { } error)
                    {
                        broken.Add((image.Path, error));
                    }
                    else
                    {
                        (image.Split == Split.Train ? train : test)[image.Label]++;
                    }
                }
                task.Report(done += batch.Images.Count);
            }
        }
        var classes = images.Classes.Select((name, i) => new SurveyedClass(name, train[i], test[i])).ToList();
        Require(path, classes, broken);
        var headers = surveyed.Headers.OfType<ImageHeader>().ToList();
        return new ImageSurvey
        {
            IsArchive = File.Exists(path),
            TestFolder = images.TestFolder,
            Classes = classes,
            Count = images.Count,
            Decoded = (images.Count + surveyed.Stride - 1) / surveyed.Stride,
            Formats = [.. headers.CountBy(h => h.Format).OrderByDescending(f => f.Value).ThenBy(f => f.Key).Select(f => (f.Key, f.Value))],
            ShortSide = Spread.Of(headers.Select(h => Math.Min(h.Width, h.Height))),
            LongSide = Spread.Of(headers.Select(h => Math.Max(h.Width, h.Height))),
            Sizes = headers.Select(h => (h.Width, h.Height)).Distinct().Count(),
            LongShare = (double)headers.Count(h => Math.Max(h.Width, h.Height) > 1.5 * Math.Min(h.Width, h.Height)) / headers.Count,
            Broken = broken,
            Duplicates = DuplicateFiles.Among(images.Scanned),
            Warnings = warnings.Lines,
        };
    }

    /// <summary>What the prepare stage would refuse however the options are.</summary>
    private static void Require(string path, List<SurveyedClass> classes, List<(string Path, string Error)> broken)
    {
        var why = broken.Count == 0 ? "" : $"; {broken.Count} cannot be read, for example {broken[0].Path}: {broken[0].Error}";
        if (classes.FirstOrDefault(c => c.Train == 0) is { } untrained)
        {
            throw new DataException($"{path}: class '{untrained.Name}' has no readable training image{why}");
        }

        if (classes.All(c => c.Test == 0))
        {
            throw new DataException($"{path}: no readable image is left for the test split{why}");
        }
    }

    private sealed class GatheredWarnings(IProgress inner) : IProgress
    {
        public List<string> Lines { get; } = [];

        public void Info(string line) => inner.Info(line);

        public void Warn(string line) => Lines.Add(line);

        public IProgressTask Start(string what, long total, string unit, long done = 0) => inner.Start(what, total, unit, done);
    }
}
