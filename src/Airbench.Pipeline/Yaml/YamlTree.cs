namespace Airbench.Pipeline;

/// <summary>A piece of YAML with its position.</summary>
internal abstract class Node(SourcePosition at)
{
    public SourcePosition At { get; } = at;

    /// <summary>What a message calls it: "'two'", "a list".</summary>
    public abstract string Found { get; }

    /// <summary>Whether nothing was written: an empty value, ~ or null.</summary>
    public virtual bool IsNull => false;
}

/// <summary>A scalar; <paramref name="plain"/> where it stands without quotes.</summary>
internal sealed class ScalarNode(SourcePosition at, string text, bool plain) : Node(at)
{
    public string Text { get; } = text;
    public bool Plain { get; } = plain;

    /// <summary>Set where <see cref="Text"/> holds values of environment variables: what was written, <c>${env:NAME}</c>.</summary>
    public EnvironmentText? Written { get; init; }

    /// <summary>Set where a reference in it cannot be taken: why, for the message of whoever needs the value.</summary>
    public string? Problem { get; init; }

    public override bool IsNull => Written is null && Plain && Text is "" or "~" or "null";

    public override string Found =>
        Written is not null ? $"{Quote.Show(Written.Text)} with a value that does not fit"
        : IsNull ? "nothing"
        : Plain ? Quote.Show(Text)
        : $"the quoted text {Quote.Show(Text)}";
}

/// <summary>A list.</summary>
internal sealed class ListNode(SourcePosition at, IReadOnlyList<Node> items) : Node(at)
{
    public IReadOnlyList<Node> Items { get; } = items;
    public override string Found => "a list";
}

/// <summary>A mapping, in the order of the file; each key once.</summary>
internal sealed class MapNode(SourcePosition at) : Node(at)
{
    private readonly List<MapEntry> _entries = [];
    private readonly Dictionary<string, int> _index = new(StringComparer.Ordinal);

    public IReadOnlyList<MapEntry> Entries => _entries;
    public override string Found => "a mapping";

    public MapEntry? Find(string key) => _index.TryGetValue(key, out var i) ? _entries[i] : null;

    /// <summary>Adds the entry, or replaces the one with its key.</summary>
    public void Set(MapEntry entry)
    {
        if (_index.TryGetValue(entry.Key, out var i))
        {
            _entries[i] = entry;
            return;
        }
        _index.Add(entry.Key, _entries.Count);
        _entries.Add(entry);
    }
}

/// <summary>One key of a mapping; <paramref name="At"/> is the key's position.</summary>
internal sealed record MapEntry(SourcePosition At, string Key, Node Value);
