using System.CommandLine;
using Airbench.Onnx;

namespace Airbench.Cli;

/// <summary><c>airbench verify</c>: is a bundle still what was exported, and do its parts agree?</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        var bundle = new Argument<string>("bundle") { Description = InputFolders.Bundles.Description };
        var command = new Command("verify", "Re-check a bundle offline: hashes, ONNX, labels, test data through ONNX Runtime.") { bundle };
        command.SetAction(parsed => Verify(parsed.GetRequiredValue(bundle)));
        return command;
    }

    private static int Verify(string folder)
    {
        if (!BundleVerifier.HasSums(folder))   // with them it is a bundle, whatever else is gone
        {
            InputFolders.Require(InputFolders.Bundles, "verify", folder);
        }
        var result = BundleVerifier.Verify(folder, TestDataRunner.Run);
        foreach (var note in result.Notes)
        {
            Console.WriteLine(Quote.OneLine(note));
        }
        foreach (var problem in result.Problems)
        {
            Console.Error.WriteLine(Quote.OneLine(problem));
        }
        if (result.Problems.Count > 0)
        {
            Console.Error.WriteLine($"{folder}: {Counted.Of(result.Problems.Count, "difference")}; take the bundle from its source again, or export again");
            return ExitCode.Failed;
        }
        Console.WriteLine($"{folder}: unchanged since it was exported");
        return ExitCode.Done;
    }
}
