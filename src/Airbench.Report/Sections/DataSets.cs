using System.Xml.Linq;
using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>The data sets of a run: where they are from, and how many images of each class there are.</summary>
internal static class DataSets
{
    /// <summary>Classes up to which the whole table is open.</summary>
    private const int Open = 30;

    /// <summary>Each set once, whatever number of stages got it.</summary>
    public static IReadOnlyList<Recorded<DatasetManifest>> Distinct(Run run) => [.. run.Datasets.DistinctBy(set => set.Manifest.Sha256)];

    public static XElement? Of(Run run)
    {
        var sets = Distinct(run);
        return sets.Count == 0 ? null : Page.Section("data", "Data", sets.Select(set => One(run, set.Manifest, sets.Count > 1)));
    }

    private static IEnumerable<XElement> One(Run run, DatasetManifest set, bool named)
    {
        if (named)
        {
            yield return Tag("h3", set.Name);
        }
        yield return Tag("p",
            $"{set.Name}, from {set.Source}: {Format.Count(set.TrainCount)} training and {Format.Count(set.TestCount)} test images of {set.ImageSize} x {set.ImageSize} pixels in {Format.Count(set.Classes.Count)} classes",
            set.Fit == Fit.Crop ? null : $"; those that are not square became so by {set.Fit.ToString().ToLowerInvariant()}",
            set.BadImages > 0 ? $"; {Format.Count(set.BadImages)} could not be decoded" : null,
            set.DuplicatesAcrossSplits > 0 ? $"; {Format.Count(set.DuplicatesAcrossSplits)} test images are also in the training split, which makes the accuracy look better than it is" : null, ".");
        if (!run.ClassCounts.TryGetValue(set.Sha256, out var counts))
        {
            yield return Classed("p", "muted", "The prepared set is not here any more, so images are not counted class by class.");
            yield break;
        }
        yield return Tag("p", $"Training images of a class: {Spread(counts.Train)}. Test images: {Spread(counts.Test)}.");
        var table = Html.Table(["class", "training images", "test images"], counts.Classes.Index().Take(ClassTables.MostRows).Select(one => Tag("tr",
            Classed("td", "wide", Tag("bdi", one.Item)), Number(Format.Count(counts.Train[one.Index])), Number(Format.Count(counts.Test[one.Index])))));
        yield return counts.Classes.Count <= Open ? table : Tag("details", Tag("summary", ClassTables.Title(counts.Classes.Count, Dataset.ManifestName)), table);
    }

    private static string Spread(IReadOnlyList<int> counts)
    {
        var ordered = counts.Order().ToList();
        return ordered[0] == ordered[^1]
            ? $"{Format.Count(ordered[0])} each"
            : $"{Format.Count(ordered[0])} to {Format.Count(ordered[^1])}, median {Format.Count(ordered[ordered.Count / 2])}";
    }
}
