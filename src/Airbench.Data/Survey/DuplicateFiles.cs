namespace Airbench.Data;

/// <summary>Files with exactly the bytes of another.</summary>
/// <param name="Copies">Files beyond the first of each group.</param>
/// <param name="AcrossClasses">Two files of each group that is in several classes: one of the labels is wrong.</param>
/// <param name="AcrossSplits">Two files of each group that is in both train/ and test/.</param>
public sealed record DuplicateFiles(
    int Copies, IReadOnlyList<(string First, string Second)> AcrossClasses, IReadOnlyList<(string Train, string Test)> AcrossSplits)
{
    internal static DuplicateFiles Among(IEnumerable<(ScannedFile File, Placement Place)> scanned)
    {
        var groups = scanned.Where(s => s.File.Hash is not null).GroupBy(s => s.File.Hash!.Value)
            .Select(g => g.ToList()).Where(g => g.Count > 1).ToList();
        var classes = groups
            .Select(g => (First: g[0].File.Path, Second: PathOf(g, place => place.Label != g[0].Place.Label)))
            .Where(pair => pair.Second is not null).Select(pair => (pair.First, pair.Second!)).ToList();
        var splits = groups
            .Select(g => (Train: PathOf(g, place => place.Split == Split.Train), Test: PathOf(g, place => place.Split == Split.Test)))
            .Where(pair => pair is { Train: not null, Test: not null }).Select(pair => (pair.Train!, pair.Test!)).ToList();
        return new(groups.Sum(g => g.Count - 1), classes, splits);
    }

    private static string? PathOf(List<(ScannedFile File, Placement Place)> group, Predicate<Placement> wanted) =>
        group.Find(s => wanted(s.Place)).File.Path;
}
