using System.Diagnostics;
using Airbench.FaultHost;
using Airbench.Pipeline;

namespace Airbench.Tests.Faults;

/// <summary>A folder in which real processes run a pipeline of fast stages, and are killed.</summary>
internal sealed class FaultPlace : IDisposable
{
    public const string Yaml =
        """
        name: fast
        device: cpu
        stages:
          draw: { uses: draw }
          mix: { uses: mix, needs: [draw] }
          fold: { uses: fold, needs: [mix] }
          score: { uses: score, needs: [draw, fold] }

        """;

    private readonly TemporaryFolder? _own;

    /// <summary>In a folder of its own, or in <paramref name="root"/>.</summary>
    public FaultPlace(string? root = null)
    {
        _own = root is null ? new TemporaryFolder() : null;
        Root = root ?? _own!.Path;
        // Not in the root: a full or read-only disk has no room for it.
        Pipeline = Path.Combine(Path.GetTempPath(), $"airbench-fault-{Guid.NewGuid():N}.yaml");
        File.WriteAllText(Pipeline, Yaml);
    }

    public string Root { get; }

    public string Pipeline { get; }

    public string this[params string[] parts] => Path.Combine([Root, .. parts]);

    public void Dispose()
    {
        File.Delete(Pipeline);
        _own?.Dispose();
    }

    public Process Start(params string[] arguments) => Start((IReadOnlyList<string>)[Root, Pipeline, .. arguments]);

    private static Process Start(IReadOnlyList<string> arguments)
    {
        var host = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        return Process.Start(new ProcessStartInfo(host, ["exec", typeof(FastStages).Assembly.Location, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
    }

    /// <summary>Runs to the end.</summary>
    public (int ExitCode, string Output, string Errors) Run(params string[] arguments)
    {
        using var process = Start(arguments);
        return End(process);
    }

    /// <summary>Waits for the end of a process and takes all that it prints.</summary>
    public static (int ExitCode, string Output, string Errors) End(Process process)
    {
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }

    /// <summary>Reads lines until one contains <paramref name="text"/>.</summary>
    public static string ReadTo(Process process, string text)
    {
        var read = new List<string>();
        while (process.StandardOutput.ReadLine() is { } line)
        {
            read.Add(line);
            if (line.Contains(text, StringComparison.Ordinal))
            {
                return string.Join('\n', read);
            }
        }
        throw new InvalidOperationException($"'{text}' did not come:\n{string.Join('\n', read)}\n{process.StandardError.ReadToEnd()}");
    }

    /// <summary>What an undisturbed run with <paramref name="seed"/> makes: the hash of each artifact by its place.</summary>
    public static IReadOnlyDictionary<string, string> Expected(int seed)
    {
        using var place = new FaultPlace();
        var pipeline = PipelineFile.Load(place.Pipeline, FastStages.All, [$"seed={seed}"]);
        var report = PipelineRunner.Run(
            pipeline, new RunOptions { Root = place.Root }, IProgress.Silent, TimeProvider.System, CancellationToken.None);
        Assert.Equal(RunStatus.Ok, report.Status);
        return place.Outputs();
    }

    /// <summary>The hash of each artifact there is, by its place; the score is that of the latest run that has one.</summary>
    /// <exception cref="InvalidFileException">One is torn.</exception>
    public IReadOnlyDictionary<string, string> Outputs()
    {
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var folder in (string[])[this["data", "fast"], this["models", "fast"], this["exports", "fast"]])
        {
            if (Directory.Exists(folder))
            {
                found.Add(Path.GetFileName(Path.GetDirectoryName(folder)!), Parts.Check(folder));
            }
        }
        foreach (var score in Scores())
        {
            found["score"] = Parts.Check(score);
        }
        return found;
    }

    /// <summary>Everything that a run in progress or a killed one left beside artifacts, outside of the runs' own folders.</summary>
    public IEnumerable<string> Leftovers() =>
        ((string[])["data", "models", "exports"]).Select(name => this[name]).Where(Directory.Exists)
            .SelectMany(Directory.GetFileSystemEntries).Where(path => Path.GetFileName(path) != "fast");

    private IEnumerable<string> Scores() => Directory.Exists(this["runs", "fast"])
        ? Directory.GetDirectories(this["runs", "fast"]).OrderBy(path => File.GetCreationTimeUtc(path)).Select(run => Path.Combine(run, "score"))
            .Where(Directory.Exists)
        : [];
}
