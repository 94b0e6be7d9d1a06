using System.ComponentModel;

namespace Airbench.Data;

/// <summary>Options of the stage that prepares a data set.</summary>
public sealed record PrepareOptions
{
    /// <summary>Where the images come from.</summary>
    [Description("Where the images come from: cifar10, cifar100, archive, folder or synthetic.")]
    public DataSource Source { get; init; }

    /// <summary>The archive or directory; for CIFAR optional, the archive itself or a directory that holds it.</summary>
    [Description(
        "The archive (.tar, .tar.gz, .tgz, .zip) or directory; for cifar10 and cifar100 the original archive, where it is not in data/.")]
    public string? Path { get; init; }

    /// <summary>Name of the set, a folder's name under <c>data/</c>; null takes the source's or the file's.</summary>
    [Description("Name of the prepared set under data/; by default the source's name, or the file's without its extension.")]
    public string? Name { get; init; }

    /// <summary>Height and width of the prepared images, pixels, 4 to 1024.</summary>
    [Description("Height and width of the prepared images in pixels; others are resized.")]
    public int ImageSize { get; init; } = 32;

    /// <summary>How images that are not square become so.</summary>
    [Description(FitDescription)]
    public Fit Fit { get; init; }

    /// <summary>Share of images, 0 to 1, that may be undecodable before the stage fails.</summary>
    [Description("Share of images (0 to 1) that may be broken; past it the stage fails.")]
    public double MaxBadFraction { get; init; }

    /// <summary>Share of images, above 0 and below 1, that becomes the test split where the source has none.</summary>
    [Description("Share of images that becomes the test split, by content hash, where the source has no test/ folder.")]
    public double TestFraction { get; init; } = 0.2;

    /// <summary>Bytes that an archive may unpack to.</summary>
    [Description("Bytes that an archive may unpack to; a larger one is refused.")]
    public long MaxUnpackedBytes { get; init; } = 64L << 30;

    /// <summary>Encoding of the names in a .zip that are not marked as UTF-8; null for UTF-8.</summary>
    [Description(NameEncodingOption.Description)]
    public string? NameEncoding { get; init; }

    /// <summary>Whether a CIFAR archive that is found nowhere is downloaded.</summary>
    [Description("Whether a CIFAR archive that is found nowhere is downloaded from the data set's home page.")]
    public bool Download { get; init; } = true;

    /// <summary>Training images of the synthetic set.</summary>
    [Description("Training images of the synthetic set.")]
    public int TrainCount { get; init; } = 10_000;

    /// <summary>Test images of the synthetic set.</summary>
    [Description("Test images of the synthetic set.")]
    public int TestCount { get; init; } = 2_000;

    private static readonly PrepareOptions Drawn = new();

    /// <summary>The source as options and manifests name it.</summary>
    internal string SourceName => Source.ToString().ToLowerInvariant();

    /// <summary>What <see cref="Fit"/> offers, for help texts.</summary>
    public const string FitDescription =
        "How images that are not square become so: crop (short side resized, centre kept), pad (long side resized, the rest black) or stretch (both sides resized).";

    /// <summary>Problems of option values, as "key: found; expected". No work, no files.</summary>
    public static IEnumerable<string> Check(PrepareOptions options)
    {
        if (options.Source is DataSource.Archive or DataSource.Folder && string.IsNullOrEmpty(options.Path))
        {
            yield return $"path: found none; expected the {options.SourceName} to take the images from";
        }
        if (options.Path?.Contains('\0', StringComparison.Ordinal) == true)
        {
            yield return "path: found a NUL character; expected a path";
        }
        if (options.Source == DataSource.Synthetic && options.Path is not null)
        {
            yield return $"path: found '{options.Path}'; expected none, synthetic images are drawn";
        }
        if (options.Source == DataSource.Synthetic && (options.Fit != Drawn.Fit || options.TestFraction != Drawn.TestFraction))
        {
            yield return "fit, test_fraction: found one; expected none, as synthetic images are drawn square, train_count and test_count of them";
        }
        if (options.Name is not null && FileName.Problem(options.Name) is { } problem)
        {
            yield return $"name: {problem}";
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
        if (NameEncodingOption.Problem(options.NameEncoding) is { } encodingProblem)
        {
            yield return encodingProblem;
        }
        else if (options.NameEncoding is not null && options.Source != DataSource.Archive)
        {
            yield return $"name_encoding: found '{options.NameEncoding}'; expected none, source {options.SourceName} has no names in a .zip";
        }
        if (options.Source != DataSource.Synthetic && (options.TrainCount > 0 && options.TrainCount != Drawn.TrainCount || options.TestCount > 0 && options.TestCount != Drawn.TestCount))
        {
            yield return $"train_count, test_count: found {options.TrainCount} and {options.TestCount}; expected none, as source {options.SourceName} has the images that it has";
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
}
