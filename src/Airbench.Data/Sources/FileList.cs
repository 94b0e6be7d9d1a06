namespace Airbench.Data;

/// <summary>Image files in a fixed order, from wherever, with the class that each is said to be of.</summary>
/// <param name="Root">What the user named, for messages.</param>
/// <param name="Walk">
/// Every image, one at a time, taking note of what is left out; can be called again. An entry can be read until the next is asked for.
/// </param>
internal sealed record FileList(string Root, Func<LeftOut?, IEnumerable<FileEntry>> Walk)
{
    /// <summary>A file whose bytes are all the content, an archive; null where the content is in files of its own.</summary>
    public string? Archive { get; init; }

    /// <summary>What the user should know about the whole.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Where images have to be, for a word about those that are elsewhere.</summary>
    public string? Expected { get; init; }

    /// <summary>Whether the same image may not occur twice, as it would be counted twice.</summary>
    public bool IsDistinct { get; init; }
}
