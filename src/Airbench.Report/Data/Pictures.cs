namespace Airbench.Report;

/// <summary>Images of an evaluation as PNG files, from where they were evaluated.</summary>
internal static class Pictures
{
    /// <summary>Larger ones are made smaller: twenty of them are in one page.</summary>
    private const int MostPixels = 128;

    private const int LooseSize = 96;

    /// <summary>PNG by number in the source.</summary>
    /// <param name="metrics">Says which data they are, by hash.</param>
    /// <param name="indices">Which images.</param>
    /// <param name="datasets">Folders of prepared sets that the run knows.</param>
    /// <param name="source">Where labelled images are that were evaluated without being prepared; null where a prepared set was.</param>
    /// <param name="split">Side of <paramref name="source"/>.</param>
    /// <param name="picker">Reads images of <paramref name="source"/>.</param>
    /// <exception cref="AirbenchException">They are not there, or not the same any more.</exception>
    public static IReadOnlyDictionary<int, byte[]> Load(
        EvaluationMetrics metrics, IReadOnlySet<int> indices, IReadOnlyList<string> datasets, string? source, Split split, IImagePicker picker)
    {
        if (indices.Count == 0)
        {
            return new Dictionary<int, byte[]>();
        }
        return source is null
            ? FromPrepared(metrics, indices, datasets)
            : picker.Pick(source, split, metrics.DatasetSha256, indices, LooseSize).ToDictionary(image => image.Key, image => Encode(image.Value, LooseSize));
    }

    private static Dictionary<int, byte[]> FromPrepared(EvaluationMetrics metrics, IReadOnlySet<int> indices, IReadOnlyList<string> datasets)
    {
        var dataset = datasets.Where(folder => File.Exists(Path.Combine(folder, Dataset.ManifestName))).Select(Dataset.Open)
            .FirstOrDefault(set => set.Manifest.Sha256 == metrics.DatasetSha256)
            ?? throw new DataException($"the data set of {metrics.Data} is not here any more, or was prepared anew: it is not what was evaluated");
        using var split = dataset.OpenSplit(metrics.Data.EndsWith("/train", StringComparison.Ordinal) ? Split.Train : Split.Test);
        return indices.Where(index => index < split.Count).ToDictionary(index => index, index => Encode(split.Images(index, 1), split.ImageSize));
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
