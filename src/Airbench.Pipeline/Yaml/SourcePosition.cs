namespace Airbench.Pipeline;

/// <summary>Where a value was written.</summary>
/// <param name="Source">File as the user named it, or the flag, for example <c>--set seed=2</c>.</param>
/// <param name="Line">Line from 1; 0 for a flag.</param>
/// <param name="Column">Column from 1; 0 for a flag.</param>
public sealed record SourcePosition(string Source, int Line, int Column)
{
    /// <summary>A value that a flag brought.</summary>
    public static SourcePosition Flag(string text) => new(text, 0, 0);

    /// <summary>"pipeline.yaml:12:9", or the flag.</summary>
    public override string ToString() => Line == 0 ? Source : FormattableString.Invariant($"{Source}:{Line}:{Column}");
}
