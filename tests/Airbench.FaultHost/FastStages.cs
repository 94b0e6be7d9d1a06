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
        Kind("draw", [], folder => new Drawn(folder), (context, _) => Path.Combine(context.Root, "data", context.DefaultName)),
        Kind("mix", [typeof(Drawn)], folder => new Mixed(folder), (context, _) => Path.Combine(context.Root, "models", context.DefaultName)),
        Kind("fold", [typeof(Mixed)], folder => new Folded(folder), (context, _) => Path.Combine(context.Root, "exports", context.DefaultName)),
        Kind("score", [typeof(Drawn), typeof(Folded)], folder => new Scored(folder), (context, _) => Path.Combine(context.RunFolder, context.Name)),
    ];

    private static Stage<FastOptions, T> Kind<T>(
        string uses, IReadOnlyList<Type> inputs, Func<string, T> open, Func<StageContext, FastOptions, string> folder) where T : Parts => new()
        {
            Uses = uses,
            Description = $"The {uses} stage.",
            Inputs = inputs,
            Folder = folder,
            Opener = path =>
            {
                Json.Read<Parts.Manifest>(Path.Combine(path, Parts.ManifestName));
                return open(path);
            },
            Work = (context, options) =>
            {
                Faults.Do(options.Fault, context);
                var key = $"{uses} {context.Seed} {string.Join(' ', context.Inputs.Select(input => Parts.Check(input.Folder)))}";
                var artifact = open(Parts.Write(folder(context, options), key, options, context.Progress, context.Cancel));
                context.Progress.Info($"{uses} wrote {options.Files} files");
                return new StageResult(artifact, $"{options.Files} files")
                {
                    WorkSeconds = 0.5,
                    Items = options.Files,
                    Device = "cpu",
                    AccuracyPlain = 0.25,
                    AccuracyTta = 0.75,
                };
            },
        };
}
