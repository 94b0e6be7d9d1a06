using System.Globalization;
using Airbench.Pipeline;
using Spectre.Console;

namespace Airbench.Cli;

/// <summary>What a person sees: bars and a table on a terminal, plain lines and a Markdown table in a pipe.</summary>
internal static class Screen
{
    private const int PipeWidth = 160;

    /// <summary>The console, wide enough in a pipe that no table wraps.</summary>
    public static IAnsiConsole Console { get; } = Create();

    public static IProgress Progress(bool quiet) =>
        quiet || System.Console.IsOutputRedirected
            ? new PlainProgress(System.Console.Out, System.Console.Error, TimeProvider.System, quiet)
            : new BarProgress(Console, TimeProvider.System);

    /// <summary>Stage, time, result, accuracy plain and with TTA.</summary>
    public static void Summary(RunReport report, string? page)
    {
        var table = NewTable();
        table.AddColumn("stage");
        table.AddColumn(new TableColumn("seconds").RightAligned().NoWrap());
        table.AddColumn("result");
        table.AddColumn(new TableColumn("plain").RightAligned().NoWrap());
        table.AddColumn(new TableColumn("TTA").RightAligned().NoWrap());
        if (report.UsdPerHour is not null)
        {
            table.AddColumn(new TableColumn("US$").RightAligned().NoWrap());
        }
        foreach (var stage in report.Stages)
        {
            var outcome = stage.Result?.Summary ?? (stage.Status == RunStatus.NotRun ? $"not run: {stage.Error}" : Name(stage.Status));
            List<Text> row =
            [
                new Text(stage.Stage.Key),
                new Text(stage.Status == RunStatus.Cached ? "cached" : stage.WallSeconds > 0 ? stage.WallSeconds.ToString("0.0", CultureInfo.InvariantCulture) : "-"),
                new Text(Quote.OneLine(outcome), stage.Status == RunStatus.Failed ? new Style(Color.Red) : Style.Plain),
                new Text(Percent(stage.Result?.AccuracyPlain)),
                new Text(Percent(stage.Result?.AccuracyTta)),
            ];
            if (report.UsdPerHour is not null)
            {
                row.Add(new Text(stage.Usd is { } usd ? Dollars(usd) : "-"));
            }
            table.AddRow(row);
        }
        Write(table);
        // Not through the console, which would break a path into two lines that cannot be copied.
        if (report.UsdPerHour is { } price)
        {
            System.Console.WriteLine($"cost of the run: ${Dollars(report.Stages.Sum(stage => stage.Usd ?? 0))} at ${Dollars(price)} an hour");
        }
        foreach (var stage in report.Stages.Where(stage => stage.Result is not null))
        {
            System.Console.WriteLine($"{stage.Stage.Key} -> {Relative(stage.Result!.Artifact.Folder)}");
        }
        System.Console.WriteLine($"times -> {Relative(Path.Combine(report.RunFolder, "timings.csv"))}");
        if (page is not null)
        {
            System.Console.WriteLine($"report -> {Relative(page)}");
        }
        if (report.Status == RunStatus.Ok && Next(report) is { } command)
        {
            System.Console.WriteLine($"next: {command}");
        }
    }

    /// <summary>The command that takes the result further; null after an evaluation or benchmark alone.</summary>
    private static string? Next(RunReport report)
    {
        var made = report.Stages.Select(stage => stage.Result?.Artifact).OfType<Artifact>().ToList();
        var (dataset, model, bundle) = (Last<Dataset>(), Last<TrainedModel>(), Last<OnnxBundle>());
        return bundle is not null ? $"`airbench predict --bundle {bundle} PHOTO...` labels images"
            : model is not null ? $"`airbench export --trained-model {model}` makes the ONNX bundle"
            : dataset is not null ? $"`airbench train --dataset {dataset}` trains on it"
            : null;

        string? Last<T>() where T : Artifact => made.OfType<T>().LastOrDefault() is { } found ? PipelineFile.Shell(Relative(found.Folder)) : null;
    }

    public static Table NewTable() => new Table { Border = System.Console.IsOutputRedirected ? TableBorder.Markdown : TableBorder.Rounded };

    /// <summary>A table; in a pipe without the spaces that fill its lines, and without the empty lines around it.</summary>
    public static void Write(Table table)
    {
        if (!System.Console.IsOutputRedirected)
        {
            Console.Write(table);
            return;
        }
        using var text = new StringWriter();
        var plain = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Out = new AnsiConsoleOutput(text) });
        plain.Profile.Width = PipeWidth;
        plain.Write(table);
        foreach (var line in text.ToString().Split('\n').Select(line => line.TrimEnd()).Where(line => line.Length > 0))
        {
            System.Console.WriteLine(line);
        }
    }

    /// <summary>A path as the user would type it.</summary>
    public static string Relative(string path) => Path.GetRelativePath(Directory.GetCurrentDirectory(), path);

    private static string Name(RunStatus status) => status switch
    {
        RunStatus.Existing => "from an earlier run",
        _ => status.ToString().ToLowerInvariant(),
    };

    private static string Percent(double? share) => share is { } value ? value.ToString("0.00%", CultureInfo.InvariantCulture) : "-";

    /// <summary>Four decimals below a dollar: a run of seconds costs less than a cent.</summary>
    private static string Dollars(double usd) => usd.ToString(usd < 1 ? "0.0000" : "#,0.00", CultureInfo.InvariantCulture);

    private static IAnsiConsole Create()
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings());
        if (System.Console.IsOutputRedirected)
        {
            console.Profile.Width = PipeWidth;
        }
        return console;
    }
}
