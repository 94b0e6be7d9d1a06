namespace Airbench.Data;

/// <summary>Turns labelled images from any source into a prepared set: decoded once, resized, checked, counted.</summary>
public static class Preparer
{
    private static readonly string[] ArchiveEndings = [".tar.gz", ".tgz", ".tar", ".zip"];

    /// <summary>Name of the prepared set: the folder under <c>data/</c>. One that follows from a path is adapted to what every system takes.</summary>
    public static string DatasetName(PrepareOptions options)
    {
        if (options.Name is { } name)
        {
            return name;
        }
        if (options.Source is not (DataSource.Archive or DataSource.Folder))
        {
            return options.SourceName;
        }
        var file = PathName.Of(options.Path ?? "");
        var ending = options.Source == DataSource.Archive
            ? ArchiveEndings.FirstOrDefault(e => file.EndsWith(e, StringComparison.OrdinalIgnoreCase)) ?? ""
            : "";
        var stem = FileName.Adapt(file[..^ending.Length]);
        return stem.Length > 0 ? stem : options.SourceName;
    }

    /// <summary>Prepares a set. An earlier one at the same place is replaced in one step, and only by a whole one.</summary>
    /// <param name="options">Checked by <see cref="PrepareOptions.Check"/> before.</param>
    /// <param name="folder">Final place, <c>data/&lt;name&gt;</c>.</param>
    /// <param name="dataRoot">The folder in which CIFAR archives are looked for and to which they are downloaded.</param>
    /// <param name="seed">Seed of drawn images; nothing else depends on it.</param>
    /// <param name="progress">Told about each phase.</param>
    /// <param name="cancel">Ends the work within a batch.</param>
    /// <exception cref="DataException">Images, folders or archives that cannot be used, or too many broken images.</exception>
    /// <exception cref="InvalidFileException">A damaged archive.</exception>
    public static Dataset Prepare(
        PrepareOptions options, string folder, string dataRoot, int seed, IProgress progress, CancellationToken cancel)
    {
        RefuseForeignFolder(options, folder);
        var source = SourceOpener.Open(options, dataRoot, seed, progress, cancel);
        return Write(source, options, folder, progress, cancel);
    }

    /// <summary>Decodes <paramref name="source"/> into the set at <paramref name="folder"/>.</summary>
    internal static Dataset Write(IImageSource source, PrepareOptions options, string folder, IProgress progress, CancellationToken cancel)
    {
        using var build = AtomicFolder.Create(folder);
        using var train = new SplitWriter(build.File(ImageSplit.FileName(Split.Train)), options.ImageSize);
        using var test = new SplitWriter(build.File(ImageSplit.FileName(Split.Test)), options.ImageSize);
        var images = new MeasuredImages(source);
        var broken = Decode(images, options, train, test, progress, cancel);
        broken.Check(images.Count, options.MaxBadFraction, progress);
        RequireSplits(images.Classes, train, test);
        train.Finish();
        test.Finish();
        broken.Write(build.File(BrokenImages.FileName));

        var manifest = new DatasetManifest
        {
            Name = PathName.Of(folder),
            Source = options.SourceName,
            Classes = images.Classes,
            ImageSize = options.ImageSize,
            Fit = options.Fit,
            // The constants of the airbench paper and nearly every other CIFAR-10 result, so that numbers can be compared.
            Mean = options.Source == DataSource.Cifar10 ? [0.4914, 0.4822, 0.4465] : images.TrainStatistics.Mean(),
            Std = options.Source == DataSource.Cifar10 ? [0.2470, 0.2435, 0.2616] : images.TrainStatistics.Std(),
            TrainCount = train.Count,
            TestCount = test.Count,
            DuplicatesAcrossSplits = CountDuplicates(images, test.Count, progress),
            BadImages = broken.Count,
            LeftOut = source.LeftOut is { Counts.Count: > 0 } leftOut ? leftOut.Counts : null,
            TrainSha256 = Hash.OfFile(build.File(ImageSplit.FileName(Split.Train))),
            TestSha256 = Hash.OfFile(build.File(ImageSplit.FileName(Split.Test))),
            ProductVersion = Product.Version,
        };
        AtomicFolder.WriteFile(build.File(Dataset.ManifestName), Json.Write(manifest));
        return new Dataset(build.Commit(), manifest);
    }

    /// <summary>Appends every image to its split, and returns those that cannot be.</summary>
    private static BrokenImages Decode(
        IImageSource images, PrepareOptions options, SplitWriter train, SplitWriter test, IProgress progress, CancellationToken cancel)
    {
        var broken = new BrokenImages();
        using var task = progress.Start("decode", images.Count, "images");
        var imageBytes = 3 * options.ImageSize * options.ImageSize;
        foreach (var batch in new BatchReader(images, options.ImageSize, options.Fit).Read(cancel))
        {
            var pixels = batch.Pixels.Span;
            foreach (var image in batch.Images)
            {
                if (image.Error is { } error)
                {
                    broken.Add(image.Path, error);
                    continue;
                }
                (image.Split == Split.Train ? train : test).Append(image, pixels[..imageBytes]);
                pixels = pixels[imageBytes..];
            }
            task.Report(train.Count + test.Count + broken.Count);
        }
        return broken;
    }

    /// <summary>What stands at the final place gets replaced, so it must be a prepared set and not somebody's images.</summary>
    private static void RefuseForeignFolder(PrepareOptions options, string folder)
    {
        var isEmpty = !Directory.Exists(folder) || !Directory.EnumerateFileSystemEntries(folder).Any();
        if (!isEmpty && !File.Exists(Path.Combine(folder, Dataset.ManifestName)))
        {
            throw new DataException(
                $"{folder}: exists and is not a prepared set; preparing would replace it. Choose another name (name: ...) or move it away");
        }
        var final = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)) + Path.DirectorySeparatorChar;
        if (options.Path is { } path && (Path.GetFullPath(path) + Path.DirectorySeparatorChar).StartsWith(final, StringComparison.Ordinal))
        {
            throw new DataException(
                $"{path}: is inside {folder}, which preparing would replace. Choose another name (name: ...) or move the images");
        }
    }

    private static void RequireSplits(IReadOnlyList<string> classes, SplitWriter train, SplitWriter test)
    {
        var trained = train.Labels.ToHashSet();
        if (classes.Where((_, label) => !trained.Contains(label)).FirstOrDefault() is { } untrained)
        {
            throw new DataException($"class '{untrained}' has no readable training image");
        }
        if (test.Count == 0)
        {
            throw new DataException("the test split has no readable image");
        }
    }

    private static int CountDuplicates(MeasuredImages images, int testCount, IProgress progress)
    {
        var count = images.CountDuplicates();
        if (count > 0)
        {
            progress.Warn($"{count} of {Counted.Of(testCount, "test image")} also {(count == 1 ? "occurs" : "occur")} in the training split, pixel for pixel: "
                + $"{(count == 1 ? "it makes" : "they make")} the test accuracy look better than it is");
        }
        return count;
    }
}
