namespace Airbench.Pipeline;

/// <summary>
/// The environment variables that a pipeline takes. Options hold their values; whatever is printed, logged or saved holds
/// <c>${env:NAME}</c> instead.
/// </summary>
public sealed class PipelineEnvironment
{
    /// <summary>A shorter value is not replaced in running text: it would be found inside of words, and is no secret.</summary>
    public const int ShortestHidden = 6;

    /// <summary>A shorter relative path says nothing, as "../.." does; with a separator in it, it is found in no word.</summary>
    private const int ShortestRelative = 4;

    private readonly IReadOnlyList<(string Name, string Value)> _values;
    private readonly IReadOnlyList<Hidden> _hidden;

    internal PipelineEnvironment(
        IReadOnlyList<string> declared, IReadOnlyDictionary<string, string> written, IEnumerable<(string Name, string Value)> hidden)
        : this(declared, written, [.. hidden.Where(h => h.Value.Length >= ShortestHidden)], [])
    {
    }

    private PipelineEnvironment(
        IReadOnlyList<string> declared, IReadOnlyDictionary<string, string> written, IReadOnlyList<(string Name, string Value)> values, IReadOnlyList<string> folders)
    {
        (Declared, Written, _values) = (declared, written, values);
        // The longest first: one form may be the beginning of another.
        _hidden = [.. values.SelectMany(h => Forms(h.Value, folders).Select(form => new Hidden(form, $"${{env:{h.Name}}}", h.Value)))
            .DistinctBy(hidden => hidden.Form).OrderByDescending(hidden => hidden.Form.Length)];
    }

    /// <summary>What is replaced.</summary>
    /// <param name="Form">A form that a value takes in texts.</param>
    /// <param name="Reference">What stands in its place.</param>
    /// <param name="Value">The value itself.</param>
    private sealed record Hidden(string Form, string Reference, string Value);

    /// <summary>Of a pipeline that takes nothing from the environment.</summary>
    public static PipelineEnvironment None { get; } = new([], new Dictionary<string, string>(), []);

    /// <summary>Names under <c>env:</c>, in the order of the file.</summary>
    public IReadOnlyList<string> Declared { get; }

    /// <summary>What was written where a value has a reference, by its path: <c>train.with.epochs</c> is <c>${env:EPOCHS}</c>.</summary>
    public IReadOnlyDictionary<string, string> Written { get; }

    /// <summary>The same for a run below <paramref name="root"/>: a value that is a path is hidden in its full and its relative form too.</summary>
    public PipelineEnvironment Below(string root) => new(Declared, Written, _values, [Path.GetFullPath(root), Directory.GetCurrentDirectory()]);

    /// <summary>
    /// <paramref name="text"/> with <c>${env:NAME}</c> in place of each value that a text option took. Numbers and choices are left: they are
    /// no secrets, and stand in every log.
    /// </summary>
    public string Hide(string text) => _hidden.Aggregate(text, (rest, hidden) => rest.Replace(hidden.Form, hidden.Reference, StringComparison.Ordinal));

    /// <summary>
    /// As <see cref="Hide(string)"/>, but with a piece of the value's hash behind each reference, <c>${env:NAME}#1a2b3c4d</c>: for records that
    /// have to tell whether a value is still the same.
    /// </summary>
    public string Fingerprint(string text) => _hidden.Aggregate(text, (rest, hidden) =>
        rest.Replace(hidden.Form, $"{hidden.Reference}#{Hash.OfText(hidden.Value)[..8]}", StringComparison.Ordinal));

    /// <summary>The value, as messages escape it, and where it may be a path what programs make of one.</summary>
    private static IEnumerable<string> Forms(string value, IReadOnlyList<string> folders)
    {
        yield return value;
        yield return Quote.OneLine(value);
        if (value.Contains('\0', StringComparison.Ordinal) || !value.AsSpan().ContainsAny('/', Path.DirectorySeparatorChar))
        {
            yield break;
        }
        foreach (var folder in folders)
        {
            var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(value, folder));
            foreach (var (form, shortest) in new[] { (full, ShortestHidden), (Path.GetRelativePath(folder, full), ShortestRelative) })
            {
                var isLong = form.Length >= (form.Contains(Path.DirectorySeparatorChar, StringComparison.Ordinal) ? shortest : ShortestHidden);
                if (isLong && form.Any(char.IsLetterOrDigit))
                {
                    yield return form;
                    yield return form.Replace(Path.DirectorySeparatorChar, '/');
                }
            }
        }
    }

    /// <summary>Passes everything on to <paramref name="inner"/> with the values hidden.</summary>
    public IProgress Hide(IProgress inner) => _hidden.Count == 0 ? inner : new HidingProgress(this, inner);

    private sealed class HidingProgress(PipelineEnvironment environment, IProgress inner) : IProgress
    {
        public void Info(string line) => inner.Info(environment.Hide(line));

        public void Warn(string line) => inner.Warn(environment.Hide(line));

        public IProgressTask Start(string what, long total, string unit, long done = 0) => new HidingTask(environment, inner.Start(environment.Hide(what), total, unit, done));
    }

    private sealed class HidingTask(PipelineEnvironment environment, IProgressTask inner) : IProgressTask
    {
        public void Report(long done, string? detail) => inner.Report(done, detail is null ? null : environment.Hide(detail));

        public void Dispose() => inner.Dispose();
    }
}
