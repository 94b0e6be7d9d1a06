using System.CommandLine;
using Airbench.Pipeline;
using Spectre.Console;

namespace Airbench.Cli;

/// <summary><c>airbench plan</c>: what a run would do, and why.</summary>
internal static class PlanCommand
{
    public static Command Create()
    {
        var arguments = new PipelineArguments();
        var command = new Command("plan", "Show what a run would do, and why, without running anything.");
        arguments.AddTo(command, withSelection: true);
        command.SetAction((parsed, cancel) =>
        {
            var plan = PipelinePlan.Make(arguments.Load(parsed), arguments.Options(parsed), Screen.Progress(quiet: false), cancel);
            var table = Screen.NewTable();
            table.AddColumns("stage", "uses", "needs", "action", "folder", "why");
            foreach (var row in plan.Rows)
            {
                string[] cells = [row.Stage.Key, row.Stage.Kind.Uses, string.Join(", ", row.Stage.Needs), Action(row.Action), row.Folder, row.Why];
                table.AddRow(cells.Select(cell => new Text(cell)).ToArray());
            }
            Screen.Write(table);
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }

    private static string Action(PlanAction action) => action switch
    {
        PlanAction.Run => "run",
        PlanAction.Follow => "may run",
        PlanAction.Keep or PlanAction.Restore => "cached",
        PlanAction.UseExisting => "use existing",
        _ => "skip",
    };
}
