using System.ComponentModel;
using Airbench.Pipeline;

namespace Airbench.FaultHost;

/// <summary>How much a fast stage does.</summary>
internal sealed record FastOptions
{
    [Description("Files of the artifact.")]
    public int Files { get; init; } = 3;

    [Description("Bytes of each.")]
    public int Bytes { get; init; } = 20_000;

    [Description("Milliseconds between two files.")]
    public int PauseMs { get; init; } = 2;

    [Description("Any text.")]
    public string? Note { get; init; }

    [Description("Something that goes wrong before the work.")]
    public Fault Fault { get; init; } = Fault.None;
}

/// <summary>draw -> mix -> fold -> score: the shape of prepare, train, export and evaluate, each in milliseconds.</summary>
internal static class FastStages
{
    public static IReadOnlyList<IStage> All { get; } =
    [
        new FastStage<Drawn>("draw", [], folder => new Drawn(folder), context => Path.Combine(context.Root, "data", context.DefaultName)),
        new FastStage<Mixed>("mix", [typeof(Drawn)], folder => new Mixed(folder), context => Path.Combine(context.Root, "models", context.DefaultName)),
        new FastStage<Folded>("fold", [typeof(Mixed)], folder => new Folded(folder), context => Path.Combine(context.Root, "exports", context.DefaultName)),
        new FastStage<Scored>("score", [typeof(Drawn), typeof(Folded)], folder => new Scored(folder), context => Path.Combine(context.RunFolder, context.Name)),
    ];


    private sealed class FastStage<T>(string uses, IReadOnlyList<Type> inputs, Func<string, T> open, Func<StageContext, string> folder) : Stage<FastOptions, T>
        where T : Parts
    {
        public override string Uses => uses;

        public override string Description => $"The {uses} stage.";

        public override IReadOnlyList<Type> Inputs => inputs;

        public override bool FinishesStep => uses == "mix";   // the training of this pipeline

        public override StageResult Run(StageContext context, FastOptions options)
        {
            Faults.Do(options.Fault, context);
            var key = $"{uses} {context.Seed} {string.Join(' ', context.Inputs.Select(input => Parts.Check(input.Folder)))}";
            var artifact = open(Parts.Write(folder(context), key, options, context.Progress, context.Cancel));
            context.Progress.Info($"{uses} wrote {options.Files} files");
            return new StageResult(artifact, $"{options.Files} files")
            {
                WorkSeconds = 0.5,
                Items = options.Files,
                Device = "cpu",
                AccuracyPlain = 0.25,
                AccuracyTta = 0.75,
            };
        }

        public override string OutputFolder(StageContext context, FastOptions options) => folder(context);

        public override T Open(string path)
        {
            Json.Read<Parts.Manifest>(Path.Combine(path, Parts.ManifestName));
            return open(path);
        }
    }
}
