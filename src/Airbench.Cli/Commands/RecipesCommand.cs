using System.CommandLine;
using System.Globalization;
using Spectre.Console;

namespace Airbench.Cli;

/// <summary><c>airbench recipes</c>: what can be trained, what it costs and what it must reach.</summary>
internal static class RecipesCommand
{
    private const int TrainCount = 50_000;

    /// <summary>CIFAR-10, which every published number is about; its mean and deviation do not count.</summary>
    private static NetworkSpec Network(Recipe recipe) => recipe.Network(imageSize: 32, classCount: 10, mean: [0, 0, 0], std: [1, 1, 1]);

    /// <summary>One recipe of <c>--json</c>: the numbers of the table, and every hyperparameter.</summary>
    private sealed record Entry(string Name, long Parameters, long ForwardFlops, double TrainingFlops, long Steps, Recipe Recipe)
    {
        public static Entry Of(Recipe recipe)
        {
            var network = Network(recipe);
            return new(
                recipe.Name, network.ParameterCount(), network.ForwardFlops(), recipe.TrainingFlops(network, TrainCount), recipe.Steps(TrainCount), recipe);
        }
    }

    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Print JSON: the same numbers and every hyperparameter." };
        var command = new Command("recipes", "List the training recipes: size, cost and target accuracy of each on CIFAR-10.") { json };
        command.SetAction(parsed =>
        {
            Entry[] entries = [.. Recipe.All.Values.Select(Entry.Of)];
            if (parsed.GetValue(json))
            {
                Console.Write(Json.Write(entries));
            }
            else
            {
                Print(entries);
            }
            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>80 columns. A description is longer than what a row of numbers leaves of them, so it has a line of its own.</summary>
    private static void Print(Entry[] entries)
    {
        Screen.Console.WriteLine(
            Row("recipe", "epochs", "batch", "optimizer", "parameters", "MFLOP/image", "PFLOP", "target"), new Style(decoration: Decoration.Underline));
        foreach (var (name, parameters, forward, training, _, recipe) in entries)
        {
            Screen.Console.WriteLine(
                Row(
                    name, Text(recipe.Epochs, "0.##"), Text(recipe.BatchSize, "0"), recipe.Optimizer == Optimizer.Muon ? "muon" : "sgd",
                    Text(parameters, "N0"), Text(forward / 1e6, "N1"), Text(training / 1e15, "0.00"), Text(recipe.TargetAccuracy, "0%")),
                new Style(decoration: Decoration.Bold));
            Screen.Console.Write(new Padder(new Text(recipe.Description), new Padding(2, 0, 0, 0)));
        }
        Screen.Console.WriteLine(
            """

            All numbers are for CIFAR-10: 50,000 images of 32x32 in 10 classes.
            parameters   weights and biases, trained or frozen
            MFLOP/image  forward pass: two operations for each multiply-add of convolutions
                         and linear layers
            PFLOP        the whole training, a backward pass counted as two forward passes
            target       mean accuracy with test-time augmentation, by the source

            Train by one, and change any of its fields:
              airbench run --set train.with.recipe=airbench96 --set train.with.epochs=16
            """);
    }

    private static string Row(
        string name, string epochs, string batch, string optimizer, string parameters, string forward, string training, string target) =>
        $"{name,-17} {epochs,6} {batch,5}  {optimizer,-9} {parameters,10} {forward,11} {training,6} {target,6}";

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
