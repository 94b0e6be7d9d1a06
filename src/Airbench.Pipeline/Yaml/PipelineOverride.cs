namespace Airbench.Pipeline;

/// <summary>A value that replaces one of the file's, before anything is checked.</summary>
/// <param name="Label">What errors call it, for example <c>--set seed=2</c> or <c>--demo</c>.</param>
/// <param name="Path">name, seed, device, or a path into a stage: <c>train.with.epochs</c> (also <c>stages.train.with.epochs</c>).</param>
/// <param name="Value">YAML: a scalar, <c>[a, b]</c> or <c>{ k: v }</c>.</param>
public sealed record PipelineOverride(string Label, string Path, string Value)
{
    /// <summary>
    /// Where not null, <see cref="Path"/> starts inside a stage (<c>with.source</c>) and holds for every stage of this kind.
    /// </summary>
    public string? Uses { get; init; }

    /// <summary>The text behind <c>--set</c>: key=value. A text that is not of this form becomes one of the pipeline's problems.</summary>
    public static PipelineOverride Set(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? new($"--set {text}", "", text) : new($"--set {text}", text[..equals], text[(equals + 1)..]);
    }
}
