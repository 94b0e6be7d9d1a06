using System.ComponentModel;

namespace Airbench.Data;

/// <summary>Where labelled images come from.</summary>
public enum DataSource
{
    /// <summary>The original CIFAR-10 binary archive.</summary>
    Cifar10,

    /// <summary>The original CIFAR-100 binary archive, fine labels.</summary>
    Cifar100,

    /// <summary>A .tar, .tar.gz, .tgz or .zip of class folders.</summary>
    Archive,

    /// <summary>A directory of class folders.</summary>
    Folder,

    /// <summary>Images drawn by the product itself.</summary>
    Synthetic,
}

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
    [Description("Height and width of the prepared images in pixels; others are resized by the short side and cropped at the centre.")]
    public int ImageSize { get; init; } = 32;

    /// <summary>Share of images, 0 to 1, that may be undecodable before the stage fails.</summary>
    [Description("Share of images (0 to 1) that may be broken; past it the stage fails.")]
    public double MaxBadFraction { get; init; }

    /// <summary>Share of images, above 0 and below 1, that becomes the test split where the source has none.</summary>
    [Description("Share of images that becomes the test split, by content hash, where the source has no test/ folder.")]
    public double TestFraction { get; init; } = 0.2;

    /// <summary>Bytes that an archive may unpack to.</summary>
    [Description("Bytes that an archive may unpack to; a larger one is refused.")]
    public long MaxUnpackedBytes { get; init; } = 64L << 30;

    /// <summary>Whether a CIFAR archive that is found nowhere is downloaded.</summary>
    [Description("Whether a CIFAR archive that is found nowhere is downloaded from the data set's home page.")]
    public bool Download { get; init; } = true;

    /// <summary>Training images of the synthetic set.</summary>
    [Description("Training images of the synthetic set.")]
    public int TrainCount { get; init; } = 10_000;

    /// <summary>Test images of the synthetic set.</summary>
    [Description("Test images of the synthetic set.")]
    public int TestCount { get; init; } = 2_000;
}
