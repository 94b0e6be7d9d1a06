using System.CommandLine;
using Airbench.Data;
using Airbench.Report;

namespace Airbench.Cli;

/// <summary><c>airbench report</c>: the page of a run once more, or two runs side by side.</summary>
internal static class ReportCommand
{
    public static Command Create()
    {
        var runs = new Argument<string[]>("run")
        {
            Description = "Folder of a run, runs/<pipeline>/<run> [default: the newest below runs/].",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var compare = new Option<bool>("--compare") { Description = "Compare two runs side by side: report --compare runA runB." };
        var output = new Option<string?>("--out") { Description = $"File to write [default: {RunPage.FileName} in the run's folder; comparison.html here]." };
        var command = new Command("report", "Write the page of a run, or of two runs side by side.") { runs, compare, output };
        command.SetAction(parsed =>
        {
            var folders = parsed.GetValue(runs) ?? [];
            var file = (parsed.GetValue(compare), folders.Length) switch
            {
                (true, 2) => ComparisonPage.Write(folders[0], folders[1], parsed.GetValue(output) ?? ComparisonPage.FileName),
                (false, <= 1) => RunPage.Write(folders.FirstOrDefault() ?? Newest(), new ImagePicker(), parsed.GetValue(output)),
                (true, var count) => throw new ConfigurationException($"--compare: found {Counted.Of(count, "run")}; expected two"),
                (false, var count) => throw new ConfigurationException($"found {count} runs; expected one, or two with --compare"),
            };
            Console.WriteLine($"report -> {Screen.Relative(file)}");
            return ExitCode.Done;
        });
        return command;
    }

    private static string Newest()
    {
        const string Runs = "runs";
        var folders = Directory.Exists(Runs) ? Directory.EnumerateDirectories(Runs).SelectMany(Directory.EnumerateDirectories) : [];
        return folders.MaxBy(folder => Path.GetFileName(folder), StringComparer.Ordinal)   // runs are named by their time
            ?? throw new ConfigurationException($"found no run below {Path.GetFullPath(Runs)}; name the folder of one, or run a pipeline first");
    }
}
