using System.ComponentModel.DataAnnotations;

namespace Airbench;

/// <summary>Labelled images, decoded once: <c>train.safetensors</c>, <c>test.safetensors</c> and <c>dataset.json</c>.</summary>
public sealed record Dataset(string Folder, DatasetManifest Manifest) : Artifact(Folder)
{
    /// <summary>Name of the manifest inside the folder.</summary>
    public const string ManifestName = "dataset.json";

    /// <summary>Opens the prepared set in <paramref name="folder"/>: reads its manifest only.</summary>
    /// <exception cref="InvalidFileException">There is no prepared set, or its manifest is damaged.</exception>
    public static Dataset Open(string folder) => new(folder, Json.Read<DatasetManifest>(Path.Combine(folder, ManifestName)));

    /// <summary>Memory-maps one split and checks it against the manifest.</summary>
    /// <exception cref="InvalidFileException">The file is damaged or does not fit the manifest.</exception>
    public ImageSplit OpenSplit(Split split) => ImageSplit.Open(this, split);
}

/// <summary>The two sides of a data set.</summary>
public enum Split
{
    /// <summary>What training sees.</summary>
    Train,

    /// <summary>What judges the result.</summary>
    Test,
}

/// <summary><c>dataset.json</c>.</summary>
public sealed record DatasetManifest : IChecked
{
    /// <summary>Name of the set: the folder's name under <c>data/</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Where the images come from: cifar10, cifar100, folder, archive or synthetic.</summary>
    public required string Source { get; init; }

    /// <summary>Class names; a label is an index into them.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>Height and width in pixels.</summary>
    [Range(1, int.MaxValue)]
    public required int ImageSize { get; init; }

    /// <summary>How images that are not square became so.</summary>
    public Fit Fit { get; init; }

    /// <summary>Per-channel (RGB) mean of pixel / 255 over the training split.</summary>
    public required IReadOnlyList<double> Mean { get; init; }

    /// <summary>Per-channel (RGB) standard deviation of pixel / 255 over the training split.</summary>
    public required IReadOnlyList<double> Std { get; init; }

    /// <summary>Training images.</summary>
    [Range(0, int.MaxValue)]
    public required int TrainCount { get; init; }

    /// <summary>Test images.</summary>
    [Range(0, int.MaxValue)]
    public required int TestCount { get; init; }

    /// <summary>Test images whose pixels also occur in the training split: they make the test accuracy look better than it is.</summary>
    [Range(0, int.MaxValue)]
    public required int DuplicatesAcrossSplits { get; init; }

    /// <summary>Images that could not be decoded; each is a row of <c>prepare-errors.csv</c>.</summary>
    [Range(0, int.MaxValue)]
    public int BadImages { get; init; }

    /// <summary>Files of the source that are not in the set, by kind: ".heic", "in val/", "hidden folder .net", "other files"; null where there are none.</summary>
    public IReadOnlyDictionary<string, long>? LeftOut { get; init; }

    /// <summary>SHA-256 of <c>train.safetensors</c>, lower-case hexadecimal.</summary>
    public required string TrainSha256 { get; init; }

    /// <summary>SHA-256 of <c>test.safetensors</c>, lower-case hexadecimal.</summary>
    public required string TestSha256 { get; init; }

    /// <summary>Product version that wrote it.</summary>
    public required string ProductVersion { get; init; }

    /// <summary>Whether the images are drawn, not photographed. Every artifact made from them says so.</summary>
    public bool IsSynthetic => Source == "synthetic";

    /// <summary>One hash for the whole set: SHA-256 over the two file hashes.</summary>
    public string Sha256 => Hash.OfText(TrainSha256 + TestSha256);

    /// <inheritdoc/>
    IEnumerable<string> IChecked.Problems() => Channels.Problems("mean", Mean).Concat(Channels.Problems("std", Std))
        .Concat(Std.Any(deviation => deviation < 0) ? ["std: negative; expected 0 or more"] : []);
}
