namespace Airbench.Pipeline;

/// <summary>Gathers which values of a pipeline came from the environment while they are bound.</summary>
internal sealed class EnvironmentUse(IReadOnlyList<string> declared, Func<string, string?> lookup)
{
    private readonly Dictionary<string, string> _written = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _hidden = new(StringComparer.Ordinal);

    /// <summary>The value at <paramref name="path"/> has been taken.</summary>
    /// <param name="path">"train.with.epochs".</param>
    /// <param name="text">What was written there.</param>
    /// <param name="isText">Whether any text is allowed there, so that it may be a secret; numbers and choices are none.</param>
    public void Add(string path, EnvironmentText text, bool isText)
    {
        _written[path] = text.Text;
        if (isText && path != "device")   // that is one of a few words
        {
            _hidden.UnionWith(text.Names);
        }
    }

    /// <summary>Whether any value was taken.</summary>
    public bool HasAny => _written.Count > 0;

    /// <summary>See <see cref="PipelineEnvironment.Hide(string)"/>.</summary>
    public string Hide(string text) => HasAny ? Finish().Hide(text) : text;

    public PipelineEnvironment Finish() => new(declared, _written, _hidden.Select(name => (name, lookup(name) ?? "")));
}
