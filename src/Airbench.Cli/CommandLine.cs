using System.CommandLine;
using System.CommandLine.Parsing;

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
            InitCommand.Create(),
            RunCommand.Create(),
            PlanCommand.Create(),
            ValidateCommand.Create(),
        };
        foreach (var stage in StageCommand.CreateAll())
        {
            root.Add(stage);
        }
        root.Add(ReportCommand.Create());
        root.Add(MergeCommand.Create());
        root.Add(PredictCommand.Create());
        root.Add(VerifyCommand.Create());
        root.Add(InspectCommand.Create());
        root.Add(QuantizeCommand.Create());
        root.Add(RecipesCommand.Create());
        root.Add(DoctorCommand.Create());
        root.Add(KernelsCommand.Create());
        root.Add(GcCommand.Create());
        root.Add(SchemaCommand.Create());
        RefuseUnknownOptions(root);
        RefuseEmpty(root);
        return root;
    }

    /// <summary>A misspelt option must not pass for the name of a file. (A file that is really named so is ./--name.)</summary>
    private static void RefuseUnknownOptions(Command command)
    {
        foreach (var argument in command.Arguments)
        {
            argument.Validators.Add(found =>
            {
                foreach (var token in found.Tokens.Where(token => token.Value.StartsWith('-') && token.Value.Length > 1))
                {
                    found.AddError(Usage.UnknownOption(command, token.Value));
                }
            });
        }
        foreach (var below in command.Subcommands)
        {
            RefuseUnknownOptions(below);
        }
    }

    /// <summary>An empty path is what a shell makes of a variable that is not set: nothing is read from there, or written to it.</summary>
    private static void RefuseEmpty(Command command)
    {
        foreach (var argument in command.Arguments)
        {
            argument.Validators.Add(found => Refuse(found, argument.Name));
        }
        foreach (var option in command.Options.Where(option => option.Name is "--out" or "--bundle" or "--dataset" or "--trained-model" or "--data" or "--labels"))
        {
            option.Validators.Add(found => Refuse(found, option.Name));
        }
        foreach (var below in command.Subcommands)
        {
            RefuseEmpty(below);
        }

        static void Refuse(SymbolResult found, string name)
        {
            if (found.Tokens.Any(token => token.Value.Length == 0))
            {
                found.AddError($"{name}: found nothing; expected a path");
            }
        }
    }
}
