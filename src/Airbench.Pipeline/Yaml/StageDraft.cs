namespace Airbench.Pipeline;

/// <summary>A stage as far as it could be read, with the positions that the graph's checks point at.</summary>
internal sealed record StageDraft
{
    public required string Key { get; init; }
    public required SourcePosition At { get; init; }

    /// <summary>Null where <c>uses</c> is missing or unknown.</summary>
    public IStage? Kind { get; init; }

    public IReadOnlyList<(string Key, SourcePosition At)> Needs { get; init; } = [];

    /// <summary>Where a missing need is to be added: <c>needs</c>, or the stage.</summary>
    public required SourcePosition NeedsAt { get; init; }

    /// <summary>Null where there is no kind, or where they have problems.</summary>
    public object? Options { get; init; }

    /// <summary>See <see cref="PipelineStage.OptionsAsWritten"/>; null where nothing was taken from the environment.</summary>
    public object? OptionsAsWritten { get; init; }
}
