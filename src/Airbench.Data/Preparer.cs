namespace Airbench.Data;

/// <summary>Turns labelled images from any source into a prepared set: decoded once, resized, checked, counted.</summary>
public static class Preparer
{
    /// <summary>The table of images that could not be decoded: path, error.</summary>
    public const string ErrorsName = "prepare-errors.csv";

    private static readonly string[] ArchiveEndings = [".tar.gz", ".tgz", ".tar", ".zip"];

    /// <summary>Problems of option values, as "key: found; expected". No work, no files.</summary>
    public static IEnumerable<string> Check(PrepareOptions options)
    {
        if (options.Source is DataSource.Archive or DataSource.Folder && string.IsNullOrEmpty(options.Path))
        {
            yield return $"path: found none; expected the {NameOf(options.Source)} to take the images from";
        }
        if (options.Path?.Contains('\0', StringComparison.Ordinal) == true)
        {
            yield return "path: found a NUL character; expected a path";
        }
        if (options.Source == DataSource.Synthetic && options.Path is not null)
        {
            yield return $"path: found '{options.Path}'; expected none, synthetic images are drawn";
        }
        if (options.Name is not null && !IsFolderName(options.Name))
        {
            yield return $"name: found '{options.Name}'; expected the name of a folder, without separators or a dot in front";
        }
        if (options.ImageSize is < 4 or > 1024)
        {
            yield return $"image_size: found {options.ImageSize}; expected 4 to 1024";
        }
        if (!(options.MaxBadFraction is >= 0 and <= 1))
        {
            yield return FormattableString.Invariant($"max_bad_fraction: found {options.MaxBadFraction}; expected 0 to 1");
        }
        if (!(options.TestFraction is > 0 and < 1))
        {
            yield return FormattableString.Invariant($"test_fraction: found {options.TestFraction}; expected more than 0 and less than 1");
        }
        if (options.MaxUnpackedBytes < 1)
        {
            yield return $"max_unpacked_bytes: found {options.MaxUnpackedBytes}; expected at least 1";
        }
        if (options.TrainCount < 1)
        {
            yield return $"train_count: found {options.TrainCount}; expected at least 1";
        }
        if (options.TestCount < 1)
        {
            yield return $"test_count: found {options.TestCount}; expected at least 1";
        }
    }

    /// <summary>Name of the prepared set: the folder under <c>data/</c>.</summary>
    public static string DatasetName(PrepareOptions options)
    {
        if (options.Name is { } name)
        {
            return name;
        }
        if (options.Source is not (DataSource.Archive or DataSource.Folder))
        {
            return NameOf(options.Source);
        }
        var file = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(options.Path ?? "")));
        var ending = options.Source == DataSource.Archive
            ? ArchiveEndings.FirstOrDefault(e => file.EndsWith(e, StringComparison.OrdinalIgnoreCase)) ?? ""
            : "";
        var stem = file[..^ending.Length].TrimStart('.');
        return stem.Length > 0 ? stem : NameOf(options.Source);
    }

    /// <summary>Prepares a set. An earlier one at the same place is replaced in one step, and only by a whole one.</summary>
    /// <param name="options">Checked by <see cref="Check"/> before.</param>
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
        var source = Open(options, dataRoot, seed, progress, cancel);
        return Write(source, options, folder, progress, cancel);
    }

    /// <summary>Decodes <paramref name="source"/> into the set at <paramref name="folder"/>.</summary>
    internal static Dataset Write(IImageSource source, PrepareOptions options, string folder, IProgress progress, CancellationToken cancel)
    {
        using var build = AtomicFolder.Create(folder);
        using var train = new SplitWriter(build.File(ImageSplit.FileName(Split.Train)), options.ImageSize);
        using var test = new SplitWriter(build.File(ImageSplit.FileName(Split.Test)), options.ImageSize);
        var broken = new List<BrokenImage>();
        var pipeline = new DecodePipeline(source, options.ImageSize);
        using (var task = progress.Start("decode", source.Count, "images"))
        {
            foreach (var batch in pipeline.Run(cancel))
            {
                foreach (var (i, image) in batch.Images.Index())
                {
                    if (image.Error is { } error)
                    {
                        broken.Add(new BrokenImage(image.Path, error));
                    }
                    else
                    {
                        (image.Split == Split.Train ? train : test).Append(image, batch.Pixels(i));
                    }
                }
                task.Report(train.Count + test.Count + broken.Count);
            }
        }
        CheckBroken(broken, source.Count, options.MaxBadFraction, progress);
        CheckSplits(source, train, test);
        train.Finish();
        test.Finish();
        Csv.Write(build.File(ErrorsName), ["path", "error"], broken.Select(image => (object?[])[image.Path, image.Error]));

        var statistics = pipeline.TrainStatistics();
        var manifest = new DatasetManifest
        {
            Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))),
            Source = NameOf(options.Source),
            Classes = source.Classes,
            ImageSize = options.ImageSize,
            // The constants of the airbench paper and nearly every other CIFAR-10 result, so that numbers can be compared.
            Mean = options.Source == DataSource.Cifar10 ? [0.4914, 0.4822, 0.4465] : statistics.Mean(),
            Std = options.Source == DataSource.Cifar10 ? [0.2470, 0.2435, 0.2616] : statistics.Std(),
            TrainCount = train.Count,
            TestCount = test.Count,
            DuplicatesAcrossSplits = CountDuplicates(train, test, progress),
            BadImages = broken.Count,
            TrainSha256 = Hash.OfFile(build.File(ImageSplit.FileName(Split.Train))),
            TestSha256 = Hash.OfFile(build.File(ImageSplit.FileName(Split.Test))),
            ProductVersion = Product.Version,
        };
        AtomicFolder.WriteFile(build.File(Dataset.ManifestName), Json.Write(manifest));
        return new Dataset(build.Commit(), manifest);
    }

    private static IImageSource Open(
        PrepareOptions options, string dataRoot, int seed, IProgress progress, CancellationToken cancel) => options.Source switch
        {
            DataSource.Cifar10 => OpenCifar(CifarSet.Cifar10, options, dataRoot, progress, cancel),
            DataSource.Cifar100 => OpenCifar(CifarSet.Cifar100, options, dataRoot, progress, cancel),
            DataSource.Archive or DataSource.Folder => FileImages.Open(OpenTree(options), options.TestFraction, progress, cancel),
            _ => new DrawnImages(SyntheticImages.Classes, SyntheticImages.Draw, seed, options.TrainCount, options.TestCount),
        };

    private static CifarImages OpenCifar(
        CifarSet set, PrepareOptions options, string dataRoot, IProgress progress, CancellationToken cancel) =>
        CifarImages.Open(set, FileOf(set, options, dataRoot).Locate(progress, cancel), options.MaxUnpackedBytes, progress, cancel);

    /// <summary>Where the archive of a CIFAR set is looked for.</summary>
    internal static CifarFile FileOf(CifarSet set, PrepareOptions options, string dataRoot) => new(set, dataRoot)
    {
        ExplicitPath = options.Path,
        AirbenchData = Environment.GetEnvironmentVariable("AIRBENCH_DATA"),
        MayDownload = options.Download,
    };

    private static FileTree OpenTree(PrepareOptions options)
    {
        RequireTree(options);
        return FileTree.Open(options.Path!, options.MaxUnpackedBytes);
    }

    /// <summary>Whether the folder or archive is there, and is what the source says.</summary>
    /// <exception cref="DataException">It is not.</exception>
    internal static void RequireTree(PrepareOptions options)
    {
        var path = options.Path!;
        var (isFile, isFolder) = (File.Exists(path), Directory.Exists(path));
        var expected = options.Source == DataSource.Archive ? "a .tar, .tar.gz, .tgz or .zip file" : "a directory";
        if (!isFile && !isFolder)
        {
            throw new DataException($"{path}: does not exist (looked at {Path.GetFullPath(path)}); expected {expected}");
        }
        if (isFolder != (options.Source == DataSource.Folder))
        {
            var (found, source) = isFolder ? ("a directory", "folder") : ("a file", "archive");
            throw new DataException($"{path}: is {found}; source {NameOf(options.Source)} expects {expected}. Use source: {source}");
        }
    }

    /// <summary>What stands at the final place gets replaced, so it must be a prepared set and not somebody's images.</summary>
    private static void RefuseForeignFolder(PrepareOptions options, string folder)
    {
        var isEmpty = !Directory.Exists(folder) || !Directory.EnumerateFileSystemEntries(folder).Any();
        if (!isEmpty && !File.Exists(Path.Combine(folder, Dataset.ManifestName)))
        {
            throw new DataException(
                $"{folder}: exists and is no prepared set; preparing would replace it. Choose another name (name: ...) or move it away");
        }
        var final = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)) + Path.DirectorySeparatorChar;
        if (options.Path is { } path && (Path.GetFullPath(path) + Path.DirectorySeparatorChar).StartsWith(final, StringComparison.Ordinal))
        {
            throw new DataException(
                $"{path}: lies in {folder}, which preparing would replace. Choose another name (name: ...) or move the images");
        }
    }

    private static void CheckBroken(List<BrokenImage> broken, int total, double maxBadFraction, IProgress progress)
    {
        if (broken.Count == 0)
        {
            return;
        }
        var count = $"{broken.Count} of {total} images are broken";
        if ((double)broken.Count / total > maxBadFraction)
        {
            var list = string.Concat(broken.Take(10).Select(b => $"\n  {b.Path}: {b.Error}"));
            var more = broken.Count > 10 ? $"\n  and {broken.Count - 10} more" : "";
            var bound = FormattableString.Invariant($"expected a share of at most {maxBadFraction}");
            throw new DataException($"{count}; {bound}. Mend or remove them, or raise max_bad_fraction to leave them out:{list}{more}");
        }
        progress.Warn($"{count} and left out; they are listed in {ErrorsName}");
    }

    private static void CheckSplits(IImageSource source, SplitWriter train, SplitWriter test)
    {
        var trained = train.Labels.ToHashSet();
        if (source.Classes.Where((_, label) => !trained.Contains(label)).FirstOrDefault() is { } untrained)
        {
            throw new DataException($"class '{untrained}' has no readable training image");
        }
        if (test.Count == 0)
        {
            throw new DataException("the test split has no readable image");
        }
    }

    private static int CountDuplicates(SplitWriter train, SplitWriter test, IProgress progress)
    {
        var trained = train.PixelHashes.ToHashSet();
        var count = test.PixelHashes.Count(trained.Contains);
        if (count > 0)
        {
            progress.Warn($"{count} of {test.Count} test images also occur in the training split, pixel for pixel: "
                + "they make the test accuracy look better than it is");
        }
        return count;
    }

    private static string NameOf(DataSource source) => source.ToString().ToLowerInvariant();

    private static bool IsFolderName(string name) =>
        name.Length > 0 && name == name.Trim() && !name.StartsWith('.') && !name.Any(c => c is '/' or '\\' or ':' || char.IsControl(c));

    private sealed record BrokenImage(string Path, string Error);
}
