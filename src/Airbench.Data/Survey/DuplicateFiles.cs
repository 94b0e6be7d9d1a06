namespace Airbench.Data;

/// <summary>Files with exactly the bytes of another.</summary>
/// <param name="Copies">Files beyond the first of each group.</param>
/// <param name="AcrossClasses">Two files of each group that lies in several classes: one of the labels is wrong.</param>
/// <param name="AcrossSplits">Two files of each group that lies in both train/ and test/.</param>
public sealed record DuplicateFiles(
    int Copies, IReadOnlyList<(string First, string Second)> AcrossClasses, IReadOnlyList<(string Train, string Test)> AcrossSplits)
{
    internal static DuplicateFiles Among(IEnumerable<(ScannedFile File, Placement Place)> scanned)
    {
        var groups = scanned.Where(s => s.File.Hash is not null).GroupBy(s => s.File.Hash!.Value).Where(g => g.Skip(1).Any()).Select(g => g.ToList()).ToList();
        var classes = groups
            .Select(g => (First: g[0], Other: g.FirstOrDefault(s => s.Place.Label != g[0].Place.Label)))
            .Where(pair => pair.Other.File.Path is not null)
            .Select(pair => (pair.First.File.Path, pair.Other.File.Path)).ToList();
        var splits = groups
            .Select(g => (Train: g.FirstOrDefault(s => s.Place.Split == Split.Train).File.Path, Test: g.FirstOrDefault(s => s.Place.Split == Split.Test).File.Path))
            .Where(pair => pair is { Train: not null, Test: not null }).ToList();
        return new(groups.Sum(g => g.Count - 1), classes, splits);
    }
}
