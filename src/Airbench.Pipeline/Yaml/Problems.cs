namespace Airbench.Pipeline;

/// <summary>Everything wrong with a configuration, gathered before any work so that it is reported at once.</summary>
internal sealed class Problems
{
    private const int Shown = 100;
    private const int Most = 1000;   // past that a file is hopeless, and the time to find and tell more is not bounded
    private readonly List<(SourcePosition At, string Text)> _all = [];

    public int Count => _all.Count;

    /// <summary>Adds a problem; throws them all where there are too many to go on.</summary>
    public void Add(SourcePosition at, string text)
    {
        _all.Add((at, Quote.OneLine(text)));   // names of the file come into messages from many sides
        if (_all.Count == Most)
        {
            ThrowIfAny();
        }
    }

    /// <summary>Throws the problems, one a line in the order of the file, flags last; returns where there are none.</summary>
    public void ThrowIfAny()
    {
        if (_all.Count == 0)
        {
            return;
        }

        var lines = _all.OrderBy(p => p.At.Line == 0).ThenBy(p => p.At.Line).ThenBy(p => p.At.Column)
            .Select(p => $"{p.At}: {p.Text}").Distinct().ToList();
        var rest = lines.Count - Shown;
        var more = rest > 0 ? $"\n{_all[0].At.Source}: and {(_all.Count == Most ? "at least " : "")}{rest} more" : "";
        throw new ConfigurationException(string.Join('\n', lines.Take(Shown)) + more);
    }
}
