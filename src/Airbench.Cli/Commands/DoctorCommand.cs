using System.CommandLine;
using Airbench.Pipeline;
using Spectre.Console;

namespace Airbench.Cli;

/// <summary><c>airbench doctor</c>: what this machine has, and whether the pipeline could run.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var arguments = new PipelineArguments();
        var json = new Option<bool>("--json") { Description = "Print JSON." };
        var command = new Command("doctor", "Show what this machine has and whether the pipeline could run. Exit code 1 if it could not.") { json };
        arguments.AddTo(command, withSelection: false);
        command.SetAction(parsed =>
        {
            var root = arguments.Options(parsed).Root;
            var machine = BenchmarkMachine.Current();
            IReadOnlyList<Finding> findings =
            [
                .. Directory.Exists(root) ? MachineChecks.All(root, machine) : [],
                .. BackendChecks.All(machine.Gpu),
                .. DatasetChecks.All(root),
                .. OfPipeline(arguments, parsed, root),
            ];
            if (parsed.GetValue(json))
            {
                Console.WriteLine(Json.Write(findings));
            }
            else
            {
                Print(findings);
            }

            return findings.Any(finding => finding.Status == FindingStatus.Problem) ? ExitCode.Failed : ExitCode.Done;
        });
        return command;
    }

    private static IEnumerable<Finding> OfPipeline(PipelineArguments arguments, ParseResult parsed, string root)
    {
        if (!arguments.NamesPipeline(parsed))
        {
            return [.. PrecisionCheck.OfMachine(), new("pipeline", $"no {PipelineArguments.DefaultFile} here; `airbench init` writes one")];
        }

        PipelineDefinition pipeline;
        try
        {
            pipeline = arguments.Load(parsed);
        }
        catch (ConfigurationException e)
        {
            return e.Message.Split('\n').Select(line => Finding.Problem("pipeline", line, null));
        }
        var kinds = string.Join(", ", pipeline.Stages.Select(stage => stage.Key));
        return [new("pipeline", $"{pipeline.Name}: {kinds}"), .. PipelineChecks.All(pipeline, Surroundings.Here(root))];
    }

    private static void Print(IReadOnlyList<Finding> findings)
    {
        var table = Screen.NewTable();
        table.AddColumn(new TableColumn("").NoWrap());
        table.AddColumn(new TableColumn("what").NoWrap());
        table.AddColumn("found");
        foreach (var finding in findings)
        {
            var (mark, colour) = finding.Status switch
            {
                FindingStatus.Ok => ("ok", Color.Green),
                FindingStatus.Note => ("..", Color.Yellow),
                _ => ("!!", Color.Red),
            };
            table.AddRow(new Text(mark, new Style(colour)), new Text(Quote.OneLine(finding.What)),
                new Text(Quote.OneLine(finding.Remedy is null ? finding.Found : $"{finding.Found} -> {finding.Remedy}")));
        }
        Screen.Write(table);
        var problems = findings.Count(finding => finding.Status == FindingStatus.Problem);
        Screen.Console.WriteLine(problems == 0 ? "no problems found" : $"{Counted.Of(problems, "problem")}, marked !!; the text after -> says how to fix it");
    }
}
