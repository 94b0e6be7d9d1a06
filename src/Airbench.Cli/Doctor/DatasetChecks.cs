using System.Globalization;

namespace Airbench.Cli;

/// <summary>Prepared data sets and archives that are here.</summary>
internal static class DatasetChecks
{
    public static IEnumerable<Finding> All(string root)
    {
        var data = Path.Combine(root, "data");
        var folders = Directory.Exists(data)
            ? Directory.GetDirectories(data).Where(folder => File.Exists(Path.Combine(folder, Dataset.ManifestName))).Order(StringComparer.Ordinal).ToList()
            : [];
        return folders.Count == 0
            ? [new("data sets", "none prepared in data/ (`airbench run --demo` needs none)")]
            : folders.Select(folder => Check(folder, Path.GetRelativePath(root, folder)));
    }

    /// <summary>A damaged set is a note: the prepare stage replaces it.</summary>
    private static Finding Check(string folder, string name)
    {
        try
        {
            var dataset = Dataset.Open(folder);
            using var train = dataset.OpenSplit(Split.Train);
            using var test = dataset.OpenSplit(Split.Test);
            var (classes, size) = (dataset.Manifest.Classes.Count, train.ImageSize);
            return new(name, string.Create(CultureInfo.InvariantCulture, $"{train.Count:N0} train, {test.Count:N0} test, {classes} classes, {size}x{size}"));
        }
        catch (InvalidFileException e)
        {
            return Finding.Note(name, $"damaged: {e.Message}", $"rm -r {name}, and prepare it again");
        }
    }
}
