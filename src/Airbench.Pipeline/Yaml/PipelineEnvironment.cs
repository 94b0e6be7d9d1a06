namespace Airbench.Pipeline;

/// <summary>
/// The environment variables that a pipeline takes. Options hold their values; whatever is printed, logged or saved holds
/// <c>${env:NAME}</c> instead.
/// </summary>
public sealed class PipelineEnvironment
{
    /// <summary>A shorter value is not replaced in running text: it would be found inside of words, and is no secret.</summary>
    public const int ShortestHidden = 6;

    private readonly IReadOnlyList<(string Value, string Reference)> _hidden;

    internal PipelineEnvironment(
        IReadOnlyList<string> declared, IReadOnlyDictionary<string, string> written, IEnumerable<(string Name, string Value)> hidden)
    {
        Declared = declared;
        Written = written;
        // The longest first: one value may be the beginning of another.
        _hidden = [.. hidden.Where(h => h.Value.Length >= ShortestHidden).OrderByDescending(h => h.Value.Length)
            .Select(h => (h.Value, $"${{env:{h.Name}}}"))];
    }

    /// <summary>Of a pipeline that takes nothing from the environment.</summary>
    public static PipelineEnvironment None { get; } = new([], new Dictionary<string, string>(), []);

    /// <summary>Names under <c>env:</c>, in the order of the file.</summary>
    public IReadOnlyList<string> Declared { get; }

    /// <summary>What was written where a value has a reference, by its path: <c>train.with.epochs</c> is <c>${env:EPOCHS}</c>.</summary>
    public IReadOnlyDictionary<string, string> Written { get; }

    /// <summary>
    /// <paramref name="text"/> with <c>${env:NAME}</c> in place of each value that a text option took. Numbers and choices are left: they are
    /// no secrets, and stand in every log.
    /// </summary>
    public string Hide(string text) => _hidden.Aggregate(text, (rest, hidden) => rest.Replace(hidden.Value, hidden.Reference, StringComparison.Ordinal));

    /// <summary>
    /// As <see cref="Hide(string)"/>, but with a piece of the value's hash behind each reference, <c>${env:NAME}#1a2b3c4d</c>: for records that
    /// have to tell whether a value is still the same.
    /// </summary>
    public string Fingerprint(string text) => _hidden.Aggregate(text, (rest, hidden) =>
        rest.Replace(hidden.Value, $"{hidden.Reference}#{Hash.OfText(hidden.Value)[..8]}", StringComparison.Ordinal));

    /// <summary>Passes everything on to <paramref name="inner"/> with the values hidden.</summary>
    public IProgress Hide(IProgress inner) => _hidden.Count == 0 ? inner : new HidingProgress(this, inner);

    private sealed class HidingProgress(PipelineEnvironment environment, IProgress inner) : IProgress
    {
        public void Info(string line) => inner.Info(environment.Hide(line));

        public void Warn(string line) => inner.Warn(environment.Hide(line));

        public IProgressTask Start(string what, long total, string unit) => new HidingTask(environment, inner.Start(environment.Hide(what), total, unit));
    }

    private sealed class HidingTask(PipelineEnvironment environment, IProgressTask inner) : IProgressTask
    {
        public void Report(long done, string? detail) => inner.Report(done, detail is null ? null : environment.Hide(detail));

        public void Dispose() => inner.Dispose();
    }
}
