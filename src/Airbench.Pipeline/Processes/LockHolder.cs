using System.Diagnostics;
using System.Globalization;

namespace Airbench.Pipeline;

/// <summary>Who holds a lock, as a note beside it for the messages of others.</summary>
/// <param name="Pid">Number of the process.</param>
/// <param name="Machine">Name of the machine; several may share a disk.</param>
/// <param name="Pipeline">Name of the pipeline.</param>
/// <param name="Command">The command that runs it.</param>
/// <param name="StartedUtc">When it asked for the lock.</param>
internal sealed record LockHolder(int Pid, string Machine, string Pipeline, string Command, DateTimeOffset StartedUtc)
{
    /// <summary>This process.</summary>
    public static LockHolder Me(PipelineDefinition pipeline, TimeProvider time) =>
        new(Environment.ProcessId, Environment.MachineName, pipeline.Name, pipeline.Command, time.GetUtcNow());

    /// <summary>Writes the note and returns its path.</summary>
    public string Write(string lockPath)
    {
        var note = FormattableString.Invariant($"{lockPath}.{Pid}-{Guid.NewGuid():N}.json");
        File.WriteAllText(note, Json.Write(this));   // torn by a kill, it is a note of nobody
        return note;
    }

    /// <summary>Removes a note; one that is gone is fine.</summary>
    public static void Remove(string note)
    {
        try
        {
            File.Delete(note);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // a note is a courtesy: without the lock it says nothing
        }
    }

    /// <summary>Removes every note beside a lock.</summary>
    public static void RemoveAll(string lockPath) => Notes(lockPath).ForEach(Remove);

    /// <summary>
    /// "pid 4242 (pipeline 'demo' since 2026-01-02 03:04:05 UTC, `airbench run`)", for all who hold the lock; null where none of them lives:
    /// one that is about to write its note, or the last process of one that was killed.
    /// </summary>
    public static string? Describe(string lockPath)
    {
        var holders = Notes(lockPath).Select(Read).OfType<LockHolder>().Where(holder => holder.MayLive()).OrderBy(holder => holder.StartedUtc).ToList();
        return holders.Count == 0 ? null : string.Join(" and ", holders.Select(holder => holder.Describe()));
    }

    private string Describe()
    {
        var since = StartedUtc.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);
        var where = Machine == Environment.MachineName ? "" : $" on {Machine}";
        return FormattableString.Invariant($"pid {Pid}{where} (pipeline '{Pipeline}' since {since}, `{Command}`)");
    }

    /// <summary>A note may outlive its process. A number that was given to another one since can only make a message worse.</summary>
    private bool MayLive()
    {
        if (Machine != Environment.MachineName)
        {
            return true;
        }
        try
        {
            using var process = Process.GetProcessById(Pid);
            return !process.HasExited;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private static LockHolder? Read(string note)
    {
        try
        {
            return Json.Read<LockHolder>(note);
        }
        catch (Exception e) when (e is InvalidFileException or IOException or UnauthorizedAccessException)
        {
            return null;   // removed meanwhile
        }
    }

    private static List<string> Notes(string lockPath) =>
        [.. Directory.EnumerateFiles(Path.GetDirectoryName(lockPath)!).Where(file =>   // no pattern: "*" beside "." has rules of its own on Windows
            Path.GetFileName(file).StartsWith($"{Path.GetFileName(lockPath)}.", StringComparison.Ordinal) && file.EndsWith(".json", StringComparison.Ordinal))];
}
