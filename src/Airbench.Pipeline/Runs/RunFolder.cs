using System.Globalization;

namespace Airbench.Pipeline;

/// <summary>The folder of one run, <c>runs/&lt;pipeline&gt;/&lt;yyyyMMdd-HHmmss&gt;[-n]/</c> in UTC, and its log.</summary>
internal sealed class RunFolder : IDisposable
{
    public const string Runs = "runs";
    public const string ResolvedName = "pipeline.resolved.yaml";
    public const string LogName = "log.txt";

    private RunFolder(string id, string path, RunLog log) => (Id, Path, Log) = (id, path, log);

    public string Id { get; }
    public string Path { get; }
    public RunLog Log { get; }

    /// <summary>
    /// Takes a folder that no other run has. Creating a folder succeeds for two processes alike, so the one that creates
    /// the log in it, which the file system grants only once, owns it.
    /// </summary>
    public static RunFolder Create(string root, string pipeline, TimeProvider time)
    {
        var stamp = time.GetUtcNow().ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture);
        for (var n = 1; ; n++)
        {
            var id = n == 1 ? stamp : FormattableString.Invariant($"{stamp}-{n}");
            var path = System.IO.Path.Combine(root, Runs, pipeline, id);
            var log = System.IO.Path.Combine(path, LogName);
            try
            {
                Directory.CreateDirectory(path);
                return new(id, path, new RunLog(new FileStream(log, FileMode.CreateNew, FileAccess.Write, FileShare.Read), time));
            }
            catch (IOException) when (File.Exists(log))
            {
                // another run of the same second has it
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new ConfigurationException($"{path}: cannot be created: {e.Message}; run in a folder that you can write to", e);
            }
        }
    }

    public void Dispose() => Log.Dispose();
}
