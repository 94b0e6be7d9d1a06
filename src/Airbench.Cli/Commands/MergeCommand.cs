using System.CommandLine;
using Airbench.Onnx;

namespace Airbench.Cli;

/// <summary><c>airbench merge</c>: one evaluation of its shards.</summary>
internal static class MergeCommand
{
    public static Command Create()
    {
        var shards = new Argument<string[]>("shards")
        {
            Description = "Folders of all shards of one evaluation, made with --shard i/n, in any order.",
            Arity = ArgumentArity.OneOrMore,
        };
        var output = new Option<string>("--out") { Description = "Folder of the merged evaluation.", DefaultValueFactory = _ => "evaluation" };
        var command = new Command("merge", "Merge the shards of an evaluation into one evaluation.") { shards, output };
        command.SetAction(parsed =>
        {
            var evaluation = EvaluationMerger.Merge(parsed.GetRequiredValue(shards), parsed.GetRequiredValue(output));
            var metrics = evaluation.Metrics;
            foreach (var line in ComparisonTable.Lines(metrics))
            {
                Console.WriteLine(line);
            }
            Console.WriteLine(FormattableString.Invariant(
                $"{metrics.Data}: {metrics.Correct:N0} of {metrics.Count:N0} correct, {metrics.Accuracy:0.00%}, {metrics.Broken:N0} broken -> {Screen.Relative(evaluation.Folder)}"));
            return ExitCode.Done;
        });
        return command;
    }
}
