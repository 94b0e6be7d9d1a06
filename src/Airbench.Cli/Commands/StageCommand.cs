using System.CommandLine;
using Airbench.Pipeline;

namespace Airbench.Cli;

/// <summary><c>airbench prepare|train|export|evaluate|benchmark</c>: one stage, its options as flags, its inputs as folders.</summary>
internal static class StageCommand
{
    private static readonly Dictionary<Type, InputFolders.Kind> Inputs = new()
    {
        [typeof(Dataset)] = InputFolders.Datasets,
        [typeof(TrainedModel)] = InputFolders.Models,
        [typeof(OnnxBundle)] = InputFolders.Bundles,
    };

    /// <summary>Options that take the place of an input where a stage has them.</summary>
    private static readonly Dictionary<Type, string> Instead = new() { [typeof(Dataset)] = "--data", [typeof(OnnxBundle)] = "--model" };

    /// <summary>A verb for every kind of stage; the benchmarks share one: <c>benchmark_train</c> is <c>benchmark train</c>.</summary>
    public static IEnumerable<Command> CreateAll()
    {
        const string Prefix = "benchmark_";
        var benchmark = new Command("benchmark", "Measure training or an exported model, and compare with an earlier measurement.");
        foreach (var kind in Stages.All)
        {
            if (kind.Uses.StartsWith(Prefix, StringComparison.Ordinal))
            {
                benchmark.Add(Create(kind, kind.Uses[Prefix.Length..]));
            }
            else
            {
                yield return Create(kind, kind.Uses);
            }
        }
        yield return benchmark;
    }

    private static Command Create(IStage kind, string name)
    {
        var command = new Command(name, kind.Description);
        var inputs = kind.OptionalInputs.Concat(kind.Inputs)
            .Select(type => (Type: type, Option: new Option<string?>(Inputs[type].Flag)
            {
                Description = Inputs[type].Description,
                Required = kind.Inputs.Contains(type),
            }))
            .ToList();
        var header = new Dictionary<string, Option<string?>>
        {
            ["seed"] = new("--seed") { Description = "Seed of everything random [default: 1]." },
            ["device"] = new("--device") { Description = "auto, cpu, cuda or cuda:N [default: auto]." },
            ["usd_per_hour"] = new("--usd-per-hour") { Description = "Price of the machine, US dollars an hour, for the cost of the stage." },
            ["tracking"] = new("--tracking") { Description = "Other formats that the run is written in as well: tensorboard." },
        };
        var fields = OptionFlags.Of(kind.OptionsType);
        var execution = new ExecutionArguments();
        execution.AddTo(command, withJobs: false);
        inputs.ForEach(input => command.Add(input.Option));
        foreach (var option in fields.Options.Concat(header.Values))
        {
            command.Add(option);
        }
        command.SetAction((parsed, cancel) =>
        {
            var given = inputs
                .Select(input => parsed.GetValue(input.Option) is { } folder ? InputFolders.Open(Inputs[input.Type], folder) : null)
                .OfType<Artifact>().ToList();
            var headerTexts = header
                .Select(option => (option.Key, Value: parsed.GetValue(option.Value)))
                .Where(option => option.Value is not null)
                .ToDictionary(option => option.Key, option => option.Value!);
            if (given.Count > 0)
            {
                headerTexts["name"] = Path.GetFileName(Path.GetFullPath(given[^1].Folder));   // results are named after what they are made from
            }
            else
            {
                headerTexts["name"] = kind.Uses;
            }
            var pipeline = PipelineFile.OneStage(kind, fields.Texts(parsed), headerTexts, given, input => Remedy(input, fields)) with
            {
                Command = string.Join(' ', parsed.Tokens.Select(token => PipelineFile.Shell(token.Value)).Prepend("airbench")),
            };
            var alone = new RunOptions { Root = Directory.GetCurrentDirectory(), KeepRecord = false };   // who asks for one stage gets it
            var options = execution.Apply(alone, parsed);
            return Task.FromResult(RunCommand.Run(pipeline, options, quiet: false, parsed.GetValue<bool>(CommandLine.Verbose), cancel));
        });
        return command;
    }

    /// <summary>"a prepared data set: --dataset data/NAME or --data", the latter where there is such an option.</summary>
    private static string Remedy(Type input, OptionFlags fields)
    {
        var folder = Inputs[input];
        var instead = fields.Options.FirstOrDefault(option => Instead.TryGetValue(input, out var flag) && option.Name == flag);
        return $"{folder.What}: {folder.Flag} {folder.Place}/NAME{(instead is null ? "" : $" or {instead.Name}")}";
    }
}
