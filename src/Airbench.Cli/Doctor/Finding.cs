namespace Airbench.Cli;

/// <summary>How a finding bears on running the pipeline.</summary>
internal enum FindingStatus
{
    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>Worth knowing; nothing fails.</summary>
    Note,

    /// <summary>Something would fail.</summary>
    Problem,
}

/// <summary>One line of `airbench doctor`.</summary>
/// <param name="What">What was looked at.</param>
/// <param name="Found">What was found, with the problem where there is one.</param>
internal sealed record Finding(string What, string Found)
{
    /// <summary>How bad it is.</summary>
    public FindingStatus Status { get; init; }

    /// <summary>The one command, or change of the pipeline, that fixes it.</summary>
    public string? Remedy { get; init; }

    public static Finding Note(string what, string found, string? remedy = null) => new(what, found) { Status = FindingStatus.Note, Remedy = remedy };

    public static Finding Problem(string what, string found, string? remedy) => new(what, found) { Status = FindingStatus.Problem, Remedy = remedy };
}
