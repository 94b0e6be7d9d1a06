namespace Airbench.Pipeline;

/// <summary>Words for what the system says when a file cannot be written or read.</summary>
internal static class FileFailure
{
    private const int NoSpace = 28;   // ENOSPC, the same on Linux and macOS
    private const int WindowsDiskFull = unchecked((int)0x80070070);   // HRESULT of ERROR_DISK_FULL

    /// <summary>The system's words, which name the path, and what to do.</summary>
    public static string Describe(Exception error) => error switch
    {
        IOException { HResult: NoSpace or WindowsDiskFull } =>
            $"{error.Message}; the disk is full. Earlier results are unchanged: free some space and run again",
        UnauthorizedAccessException => $"{error.Message} Earlier results are unchanged: allow it, or work in a folder that you can write to",
        _ => error.Message,
    };
}
