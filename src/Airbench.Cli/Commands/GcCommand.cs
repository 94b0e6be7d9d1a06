using System.CommandLine;
using System.Globalization;
using Airbench.Pipeline;
using Spectre.Console;

namespace Airbench.Cli;

/// <summary><c>airbench gc</c>: what the cache of earlier results holds, and less of it.</summary>
internal static class GcCommand
{
    public static Command Create()
    {
        var root = new Argument<string>("folder")
        {
            Description = "Folder of the pipeline, which holds .airbench/ [default: this one].",
            DefaultValueFactory = _ => Directory.GetCurrentDirectory(),
        };
        var limit = new Option<string?>("--limit")
        {
            Description = $"Remove earlier results, the longest unused first, until the rest is no more than this: 5GB; 0 removes all. " +
                $"Without it, only show them. Every run keeps to {CacheLimit.Variable}, 10 GiB where it is not set.",
        };
        var leftovers = new Option<bool>("--leftovers")
        {
            Description = "Remove what stopped and killed runs left: half-written results, and checkpoints of trainings that did not end.",
        };
        var command = new Command("gc", "Show the earlier results that runs keep to restore them, and what stopped runs left; or remove some.") { root, limit, leftovers };
        command.SetAction(parsed =>
        {
            var folder = parsed.GetRequiredValue(root);
            if (!Directory.Exists(folder))
            {
                throw new ConfigurationException($"gc {folder}: {(File.Exists(folder) ? "is a file" : "does not exist")}; expected the folder of a pipeline, which holds .airbench/");
            }
            if (parsed.GetValue(limit) is { } text)
            {
                var removed = ResultStore.Prune(folder, CacheLimit.Parse("--limit", text));
                Console.WriteLine($"removed {Counted.Of(removed.Count, "result")}, {Bytes(removed.Sum(result => result.Bytes))}");
            }
            Show(ResultStore.List(folder));
            if (parsed.GetValue(leftovers))
            {
                var removed = Leftovers.Remove(folder);
                Console.WriteLine($"removed {Counted.Of(removed.Count, "leftover")}, {Bytes(removed.Sum(leftover => leftover.Bytes))}");
            }
            Show(Leftovers.Find(folder));
            return ExitCode.Done;
        });
        return command;
    }

    private static void Show(IReadOnlyList<KeptResult> results)
    {
        if (results.Count > 0)
        {
            var table = Screen.NewTable();
            table.AddColumns("stage", "result");
            table.AddColumn(new TableColumn("size").RightAligned().NoWrap());
            table.AddColumn(new TableColumn("last used (UTC)").NoWrap());
            foreach (var result in results)
            {
                string[] cells =
                    [result.Stage, result.Summary, Bytes(result.Bytes), result.Used.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)];
                table.AddRow(cells.Select(cell => new Text(cell)).ToArray());
            }
            Screen.Write(table);
        }
        Console.WriteLine($"{Counted.Of(results.Count, "earlier result")}, {Bytes(results.Sum(result => result.Bytes))}; files of 16 MiB and more share their bytes with the result in use");
    }

    private static void Show(IReadOnlyList<Leftover> leftovers)
    {
        if (leftovers.Count == 0)
        {
            return;
        }
        var table = Screen.NewTable();
        table.AddColumns("left by a stopped run", "what it is");
        table.AddColumn(new TableColumn("size").RightAligned().NoWrap());
        foreach (var leftover in leftovers)
        {
            table.AddRow(new Text(Quote.OneLine(leftover.Path)), new Text(leftover.What), new Text(Bytes(leftover.Bytes)));
        }
        Screen.Write(table);
        Console.WriteLine($"{Counted.Of(leftovers.Count, "leftover")}, {Bytes(leftovers.Sum(leftover => leftover.Bytes))}; --leftovers removes {(leftovers.Count == 1 ? "it" : "them")}");
    }

    private static string Bytes(long bytes) => bytes.ToString(CultureInfo.InvariantCulture) switch
    {
        { Length: > 9 } => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.0} GB"),
        { Length: > 6 } => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.0} MB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:0.0} KB"),
    };
}
