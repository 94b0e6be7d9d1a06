using System.CommandLine;
using Airbench.Pipeline;

namespace Airbench.Cli;

/// <summary><c>airbench schema</c>: JSON Schema of pipeline.yaml, for editors.</summary>
internal static class SchemaCommand
{
    public static Command Create()
    {
        var command = new Command("schema", "Print the JSON Schema of pipeline.yaml (redirect it to pipeline.schema.json).");
        command.SetAction(_ =>
        {
            Console.Write(SchemaWriter.Write(Stages.All));
            return ExitCode.Done;
        });
        return command;
    }
}
