using System.CommandLine;
using Airbench.Cli.Commands;

namespace Airbench.Cli;

/// <summary>Every verb.</summary>
internal static class CommandLine
{
    /// <summary>Shows stack traces; valid behind every verb.</summary>
    public const string Verbose = "--verbose";

    public static RootCommand Create()
    {
        var root = new RootCommand("Labelled images in, a deployable ONNX model out: prepare, train, export, evaluate.")
        {
            new Option<bool>(Verbose) { Description = "Show the stack trace of an error.", Recursive = true },
            RunCommand.Create(),
            PlanCommand.Create(),
            ValidateCommand.Create(),
        };
        foreach (var stage in StageCommand.CreateAll())
        {
            root.Add(stage);
        }
        root.Add(MergeCommand.Create());
        root.Add(PredictCommand.Create());
        root.Add(VerifyCommand.Create());
        root.Add(RecipesCommand.Create());
        root.Add(DoctorCommand.Create());
        root.Add(GcCommand.Create());
        root.Add(SchemaCommand.Create());
        return root;
    }
}
