namespace Airbench.Cli;

/// <summary>Exit codes of every verb.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int BadUsage = 2;
    public const int Interrupted = 130;
}
