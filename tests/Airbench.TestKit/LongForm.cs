namespace Airbench.Tests;

/// <summary>Some tests are the same with more cases, for minutes or hours.</summary>
internal static class LongForm
{
    /// <summary>Whether AIRBENCH_LONG is set.</summary>
    public static bool IsAskedFor => Environment.GetEnvironmentVariable("AIRBENCH_LONG") is { Length: > 0 };
}
