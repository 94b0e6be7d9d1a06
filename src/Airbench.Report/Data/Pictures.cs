namespace Airbench.Report;

/// <summary>What a page shows of an evaluation's images.</summary>
/// <param name="ByIndex">Pictures by number in the source.</param>
/// <param name="Prepared">Numbers of those that are the prepared pixels, not the original file.</param>
/// <param name="Missing">Why some or all are not there; null where nothing is to be said.</param>
internal sealed record EvaluationPictures(IReadOnlyDictionary<int, Picture> ByIndex, IReadOnlySet<int> Prepared, string? Missing)
{
    public static EvaluationPictures None(string? why = null) => new(new Dictionary<int, Picture>(), new HashSet<int>(), why);
}

/// <summary>A prepared set that a run knows.</summary>
/// <param name="Folder">Full path.</param>
/// <param name="Source">The folder or archive that it was made from; null where it is not known, or where there are no such files.</param>
internal sealed record KnownSet(string Folder, ImageFiles? Source);

/// <summary>Pictures of an evaluation's images, from where they were evaluated; in bytes bounded for a whole page.</summary>
internal sealed class Pictures(IImagePicker picker)
{
    /// <summary>Bytes of all pictures of a page, as files; in the page a third more.</summary>
    public const int MostBytes = 3_000_000;

    /// <summary>Larger prepared images are made smaller.</summary>
    private const int MostPixels = 128;

    private int _bytesLeft = MostBytes;

    /// <summary>Whether a picture still has room, which it then takes.</summary>
    public bool Takes(Picture picture)
    {
        var fits = picture.Bytes.Length <= _bytesLeft;
        _bytesLeft -= fits ? picture.Bytes.Length : 0;
        return fits;
    }

    /// <summary>Pictures of some answers of an evaluation.</summary>
    /// <param name="metrics">Says which data they are, by hash.</param>
    /// <param name="answers">Which, what matters most first.</param>
    /// <param name="sets">Prepared sets that the run knows.</param>
    /// <param name="source">Where labelled images are that were evaluated without being prepared; null where a prepared set was.</param>
    /// <param name="split">Side of <paramref name="source"/>.</param>
    /// <exception cref="AirbenchException">They are not there, or not the same any more.</exception>
    public EvaluationPictures Load(EvaluationMetrics metrics, IReadOnlyList<Answer> answers, IReadOnlyList<KnownSet> sets, ImageFiles? source, Split split)
    {
        if (answers.Count == 0)
        {
            return EvaluationPictures.None();
        }
        var (found, prepared, missing) = source is null
            ? FromPrepared(metrics, answers, sets)
            : new EvaluationPictures(
                picker.Pick(source, split, metrics.DatasetSha256, metrics.Settings?.Fit ?? Fit.Crop, answers.Select(answer => answer.Index).ToHashSet()),
                new HashSet<int>(), null);
        var kept = new Dictionary<int, Picture>();
        foreach (var index in answers.Select(answer => answer.Index).Distinct().Where(found.ContainsKey))
        {
            if (!Takes(found[index]))
            {
                missing = $"{found.Count - kept.Count} of {found.Count} pictures are left out: those of a page have {MostBytes / 1_000_000} MB at most";
                break;
            }
            kept[index] = found[index];
        }
        return new EvaluationPictures(kept, prepared, missing);
    }

    private EvaluationPictures FromPrepared(EvaluationMetrics metrics, IReadOnlyList<Answer> answers, IReadOnlyList<KnownSet> sets)
    {
        var (dataset, source) = sets.Where(set => File.Exists(Path.Combine(set.Folder, Dataset.ManifestName))).Select(set => (Set: Dataset.Open(set.Folder), set.Source))
            .FirstOrDefault(set => set.Set.Manifest.Sha256 == metrics.DatasetSha256);
        if (dataset is null)
        {
            throw new DataException($"the data set of {metrics.Data} is not here any more, or was prepared anew: it is not what was evaluated");
        }
        using var split = dataset.OpenSplit(metrics.Data.EndsWith("/train", StringComparison.Ordinal) ? Split.Train : Split.Test);
        var pixels = answers.Where(answer => answer.Index < split.Count).DistinctBy(answer => answer.Index)
            .ToDictionary(answer => answer.Index, answer => (answer.Path, Pixels: split.Images(answer.Index, 1).ToArray()));
        var originals = source is null ? new Dictionary<string, Picture>() : Originals(source, pixels.Values, dataset.Manifest);
        var pictures = pixels.ToDictionary(
            image => image.Key, image => originals.GetValueOrDefault(image.Value.Path) ?? new Picture("image/png", Encode(image.Value.Pixels, split.ImageSize)));
        var prepared = pixels.Where(image => !originals.ContainsKey(image.Value.Path)).Select(image => image.Key).ToHashSet();
        var size = $"{split.ImageSize} x {split.ImageSize}";
        return new EvaluationPictures(pictures, prepared, source is null || prepared.Count == 0 ? null
            : $"{prepared.Count} of {pictures.Count} pictures are the prepared {size} pixels: their original files are not there any more, or have changed");
    }

    /// <summary>Without the originals there are still the prepared pixels.</summary>
    private IReadOnlyDictionary<string, Picture> Originals(ImageFiles source, IEnumerable<(string Path, byte[] Pixels)> images, DatasetManifest set)
    {
        try
        {
            var pixels = images.DistinctBy(image => image.Path).ToDictionary(image => image.Path, image => image.Pixels);
            return picker.PickOriginals(source, pixels, set.ImageSize, set.Fit);
        }
        catch (Exception e) when (e is AirbenchException or IOException or UnauthorizedAccessException)
        {
            return new Dictionary<string, Picture>();
        }
    }

    private static byte[] Encode(ReadOnlySpan<byte> planarRgb, int size)
    {
        var factor = (size + MostPixels - 1) / MostPixels;
        return factor == 1 ? Png.Encode(planarRgb, size) : Png.Encode(Shrink(planarRgb, size, factor), size / factor);
    }

    /// <summary>Means of squares of <paramref name="factor"/> pixels.</summary>
    private static byte[] Shrink(ReadOnlySpan<byte> planarRgb, int size, int factor)
    {
        var small = size / factor;
        var result = new byte[3 * small * small];
        for (var i = 0; i < result.Length; i++)
        {
            var (plane, y, x) = (i / (small * small), i / small % small * factor, i % small * factor);
            var sum = 0;
            for (var dy = 0; dy < factor; dy++)
            {
                for (var dx = 0; dx < factor; dx++)
                {
                    sum += planarRgb[(((plane * size) + y + dy) * size) + x + dx];
                }
            }
            result[i] = (byte)((sum + (factor * factor / 2)) / (factor * factor));
        }
        return result;
    }
}
