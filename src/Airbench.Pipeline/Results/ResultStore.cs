namespace Airbench.Pipeline;

/// <summary>One earlier result that is kept.</summary>
/// <param name="Stage">The kind of stage that made it, and its folder: "train models/demo".</param>
/// <param name="Summary">What it reported.</param>
/// <param name="Bytes">Of its files.</param>
/// <param name="Used">When it was last made or put in place, UTC.</param>
public sealed record KeptResult(string Stage, string Summary, long Bytes, DateTime Used);

/// <summary>The earlier results in <c>.airbench/cache/</c> of a working folder, for <c>airbench gc</c>.</summary>
public static class ResultStore
{
    /// <summary>Bytes kept where nothing else is said.</summary>
    public const long DefaultLimit = 10L << 30;

    /// <summary>What is kept below <paramref name="root"/>, the most recently used first.</summary>
    public static IReadOnlyList<KeptResult> List(string root)
    {
        var cache = new ResultCache(root, DefaultLimit);
        return [.. cache.Entries().Select(entry => Describe(cache, entry))];
    }

    /// <summary>Removes results, the least recently used first, until the rest has at most <paramref name="limit"/> bytes.</summary>
    /// <returns>What was removed.</returns>
    public static IReadOnlyList<KeptResult> Prune(string root, long limit)
    {
        var cache = new ResultCache(root, limit);
        var known = cache.Entries().ToDictionary(entry => entry.Name, entry => Describe(cache, entry));
        return [.. cache.Prune(new HashSet<string>()).Select(entry => known[entry.Name])];
    }

    private static KeptResult Describe(ResultCache cache, ResultCache.Entry entry)
    {
        var record = cache.RecordOf(entry);
        var stage = string.Join(' ', record?.From.All.Where(fact => fact.Section == Facts.Stage).OrderByDescending(fact => fact.Name, StringComparer.Ordinal).Select(fact => fact.Value) ?? []);
        return new(record is null ? "damaged" : stage, record?.Summary ?? "", entry.Bytes, entry.Used);
    }
}
