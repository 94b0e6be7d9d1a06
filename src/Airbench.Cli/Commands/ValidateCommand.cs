using System.CommandLine;

namespace Airbench.Cli;

/// <summary><c>airbench validate</c>: every error of a pipeline file at once.</summary>
internal static class ValidateCommand
{
    public static Command Create()
    {
        var arguments = new PipelineArguments();
        var command = new Command("validate", "Check a pipeline file: all errors at once, with line and column.");
        arguments.AddTo(command, withSelection: false);
        command.SetAction(parsed =>
        {
            var pipeline = arguments.Load(parsed);
            Console.WriteLine($"{pipeline.Name}: {pipeline.Stages.Count} stages, no errors");
            return ExitCode.Done;
        });
        return command;
    }
}
