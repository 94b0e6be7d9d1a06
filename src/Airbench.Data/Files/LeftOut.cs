using System.Globalization;

namespace Airbench.Data;

/// <summary>What a source holds beside the images that are taken from it, counted by kind: nothing is left out in silence.</summary>
public sealed class LeftOut
{
    private const int MostKinds = 100;   // of one reason: names of folders are somebody else's
    private const string OtherFiles = "other files";

    private readonly Dictionary<(Reason Reason, string Kind), (long Count, string Example)> _found = [];

    /// <summary>Why a file is left out; in the order in which it is said.</summary>
    private enum Reason
    {
        NotRead,
        Hidden,
        Unusual,
        Outside,
        Other,
    }

    /// <summary>Counts by kind: ".heic", "hidden folder .net", "named pipe", "in val/", "other files"; in ordinal order.</summary>
    public IReadOnlyDictionary<string, long> Counts => new SortedDictionary<string, long>(
        _found.GroupBy(found => found.Key.Kind).ToDictionary(group => group.Key, group => group.Sum(found => found.Value.Count)), StringComparer.Ordinal);

    /// <summary>An image of a format that is not read.</summary>
    internal void AddUnread(ImageFormat format, string path)
    {
        var extension = Path.GetExtension(path).ToLowerInvariant();
        Add(Reason.NotRead, format.Extensions.Contains(extension) ? extension : format.Name, path);
    }

    /// <summary>Images in a hidden folder, or hidden files.</summary>
    /// <param name="folder">Name of the folder; null for hidden files.</param>
    /// <param name="path">One of them.</param>
    /// <param name="count">How many.</param>
    internal void AddHidden(string? folder, string path, long count = 1) =>
        Add(Reason.Hidden, folder is null ? "hidden files" : $"hidden folder {folder}", path, count);

    /// <summary>What is not a file: "a named pipe", "a socket", "a device".</summary>
    internal void AddUnusual(string what, string path) => Add(Reason.Unusual, what[(what.IndexOf(' ', StringComparison.Ordinal) + 1)..], path);

    /// <summary>An image outside of the class folders.</summary>
    /// <param name="where">"in val/", "directly in test/", "above the class folders".</param>
    /// <param name="path">It.</param>
    internal void AddOutside(string where, string path) => Add(Reason.Outside, where, path);

    /// <summary>A file that is no image.</summary>
    internal void AddOther(string path) => Add(Reason.Other, OtherFiles, path);

    /// <summary>Sentences for people, without the source; images that are missed come first, the last may be a word about other files.</summary>
    /// <param name="expected">Where images have to be, or null.</param>
    internal IEnumerable<(string Line, bool IsWarning)> Lines(string? expected = null)
    {
        foreach (var group in _found.GroupBy(found => found.Key.Reason).OrderBy(group => group.Key))
        {
            var found = group.OrderBy(entry => entry.Key.Kind, StringComparer.Ordinal).ToList();
            var example = found[0].Value.Example;
            yield return group.Key switch
            {
                Reason.NotRead => ($"{Listed(found, (kind, count) => string.Create(CultureInfo.InvariantCulture, $"{count:N0} {kind}"))} left out: not a format that is read, for example {example}. "
                    + $"Convert to JPEG or PNG", true),
                Reason.Hidden => ($"{Listed(found, (kind, count) => kind.StartsWith("hidden folder", StringComparison.Ordinal)
                    ? $"{Counted.Of(count, "image")} in {kind}" : Counted.Of(count, "hidden image"))} left out, for example {example}. "
                    + "Rename what belongs to the images so that it does not begin with a dot", true),
                Reason.Unusual => ($"{Listed(found, (kind, count) => Counted.Of(count, kind))} left out, for example {example}: only regular files are opened", true),
                Reason.Outside => ($"{Listed(found, (kind, count) => $"{Counted.Of(count, "image")} {kind}")} left out, for example {example}"
                    + (expected is null ? "" : $"; expected in {expected}"), true),
                _ => ($"{Counted.Of(found.Sum(entry => entry.Value.Count), "file")} left out, being no image, for example {example}", false),
            };
        }
    }

    /// <summary>The last sentence of <see cref="Lines"/>, about files that are no images; null where there are none.</summary>
    public string? OtherFilesLine => Lines().Where(line => !line.IsWarning).Select(line => line.Line).FirstOrDefault();

    /// <summary>Says it: what may be missed as warnings, the rest as information.</summary>
    internal void Say(string root, string? expected, IProgress progress)
    {
        foreach (var (line, isWarning) in Lines(expected))
        {
            (isWarning ? (Action<string>)progress.Warn : progress.Info)($"{root}: {line}");
        }
    }

    private void Add(Reason reason, string kind, string example, long count = 1)
    {
        var key = (reason, kind);
        if (!_found.ContainsKey(key) && _found.Keys.Count(known => known.Reason == reason) >= MostKinds)
        {
            key = (reason, reason == Reason.Hidden ? "hidden folders with other names" : "elsewhere");
        }
        _found[key] = _found.TryGetValue(key, out var before) ? (before.Count + count, before.Example) : (count, example);
    }

    private static string Listed(
        IReadOnlyList<KeyValuePair<(Reason Reason, string Kind), (long Count, string Example)>> found, Func<string, long, string> text) =>
        string.Join(", ", found.Select(entry => text(entry.Key.Kind, entry.Value.Count)));
}
