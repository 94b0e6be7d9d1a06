namespace Airbench.Report;

/// <summary>Images of each class in the two splits of a prepared set, in label order.</summary>
internal sealed record ClassCounts(IReadOnlyList<string> Classes, IReadOnlyList<int> Train, IReadOnlyList<int> Test)
{
    /// <summary>Counts the labels of the set in <paramref name="folder"/>; null where it is not there, or is not the one with <paramref name="sha256"/>.</summary>
    /// <exception cref="InvalidFileException">The set is damaged.</exception>
    public static ClassCounts? Read(string folder, string sha256)
    {
        if (!File.Exists(Path.Combine(folder, Dataset.ManifestName)) || Dataset.Open(folder) is not { } dataset || dataset.Manifest.Sha256 != sha256)
        {
            return null;
        }
        return new ClassCounts(dataset.Manifest.Classes, Of(Split.Train), Of(Split.Test));

        int[] Of(Split split)
        {
            var counts = new int[dataset.Manifest.Classes.Count];
            using var images = dataset.OpenSplit(split);
            foreach (var label in images.Labels)
            {
                counts[label]++;
            }
            return counts;
        }
    }
}
