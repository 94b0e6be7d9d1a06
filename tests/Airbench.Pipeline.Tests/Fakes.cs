using System.ComponentModel;
using Airbench.Pipeline;
using CsCheck;

namespace Airbench.Tests;

internal sealed record Pictures(string Folder) : Artifact(Folder);

internal sealed record Network(string Folder) : Artifact(Folder);

internal sealed record Bundle(string Folder) : Artifact(Folder);

internal sealed record Score(string Folder) : Artifact(Folder);

internal enum Source
{
    Cifar10,
    Synthetic,
}

internal sealed record PrepareOptions
{
    [Description("Where the images come from.")]
    public Source Source { get; init; } = Source.Cifar10;

    [Description("Name of the data set; the pipeline's where not given.")]
    public string? Name { get; init; }

    public int ImageSize { get; init; } = 32;
}

internal sealed record OptimizerOptions
{
    [Description("Learning rate.")]
    public double Lr { get; init; } = 11.5;

    public bool Nesterov { get; init; } = true;
}

internal sealed record TrainOptions
{
    [Description("Passes over the training set.")]
    public double Epochs { get; init; } = 9.9;

    public int Runs { get; init; } = 1;

    public long MaxImages { get; init; } = 1L << 40;

    public Tta? Tta { get; init; }

    public double? Decay { get; init; }

    public IReadOnlyList<int> Widths { get; init; } = [64, 256, 256];

    public string[] Notes { get; init; } = [];

    [Description("The optimizer.")]
    public OptimizerOptions Optimizer { get; init; } = new() { Lr = 3 };

    public OptimizerOptions? Second { get; init; }

    /// <summary>No setter: not an option.</summary>
    public bool IsShort => Epochs < 1;
}

internal sealed record ExportOptions
{
    public IReadOnlyList<string> Variants { get; init; } = ["fp32"];

    public string? Name { get; init; }
}

internal sealed record EvaluateOptions
{
    public Tta Tta { get; init; } = Tta.None;

    public IReadOnlyDictionary<string, double> Gates { get; init; } = new Dictionary<string, double>();
}

/// <summary>Four kinds of stages that do no work but write their artifact's folder, and what happens in between.</summary>
internal sealed class FakeKinds
{
    public const string ManifestName = "manifest.txt";

    /// <summary>Runs inside of every stage.</summary>
    public Action<StageContext> During { get; init; } = _ => { };

    /// <summary>See <see cref="IStage.AlwaysRuns"/>.</summary>
    public string? EvaluateAlwaysRuns { get; init; }

    /// <summary>Files and folders that training reads beside its inputs.</summary>
    public IReadOnlyList<string> TrainReads { get; init; } = [];

    /// <summary>See <see cref="IStage.ChangedChoice"/>: told of the folder of an earlier model.</summary>
    public Func<string, string?> TrainChange { get; init; } = _ => null;

    /// <summary>Names of the stages that ran, in order.</summary>
    public List<string> Ran { get; } = [];

    public IReadOnlyList<IStage> All =>
    [
        new FakeStage<PrepareOptions, Pictures>("prepare")
        {
            About = "Prepares images.",
            Folder = (context, options) => Below(context, "data", options.Name),
            Opener = folder => new Pictures(Whole(folder)),
            Checker = options => options.ImageSize is < 16 or > 1024 ? [$"image_size: found {options.ImageSize}; expected 16 to 1024"] : [],
            Work = (context, options) => Make(context, new Pictures(Below(context, "data", options.Name))) with
            {
                Items = 60_000,
                WorkSeconds = 2,
            },
        },
        new FakeStage<TrainOptions, Network>("train")
        {
            About = "Trains a network.",
            Takes = [typeof(Pictures)],
            Folder = (context, _) => Below(context, "models", null),
            Opener = folder => new Network(Whole(folder)),
            Decides = (context, options) => new Fingerprint
            {
                Settings = options,
                Environment = new Dictionary<string, string> { ["seed"] = $"{context.Seed}", ["device"] = context.Device },
                Reads = TrainReads,
            },
            Change = earlier => TrainChange(earlier.Folder),
            Checker = options => options.Optimizer.Lr <= 0 ? ["optimizer.lr: found 0; expected more"] : [],
            Work = (context, _) => Make(context, new Network(Below(context, "models", null))) with
            {
                Precision = "bf16",
                Rates = new ArithmeticRates("X", 1, 197.3, 121.94, "2026-01-31T12:00:00Z"),
            },
        },
        new FakeStage<ExportOptions, Bundle>("export")
        {
            About = "Writes ONNX.",
            Takes = [typeof(Network)],
            MayTake = [typeof(Pictures)],
            Demands = options => options.Variants.Contains("int8") ? [typeof(Pictures)] : [],
            Folder = (context, options) => Below(context, "exports", options.Name),
            Opener = folder => new Bundle(Whole(folder)),
            Work = (context, options) => Make(context, new Bundle(Below(context, "exports", options.Name))),
        },
        new FakeStage<EvaluateOptions, Score>("evaluate")
        {
            About = "Evaluates a bundle.",
            NeverStands = EvaluateAlwaysRuns,
            Takes = [typeof(Pictures), typeof(Bundle)],
            Folder = (context, _) => Path.Combine(context.RunFolder, context.Name),
            Opener = folder => new Score(Whole(folder)),
            Work = (context, _) => Make(context, new Score(Path.Combine(context.RunFolder, context.Name))),
        },
    ];

    private StageResult Make(StageContext context, Artifact artifact)
    {
        During(context);
        Directory.CreateDirectory(artifact.Folder);
        File.WriteAllText(artifact.File(ManifestName), "whole");
        Ran.Add(context.Name);
        var inputs = context.Inputs.Select(i => i.GetType().Name);
        return new StageResult(artifact, $"a {artifact.GetType().Name} from {string.Join(" and ", inputs)}");
    }

    private static string Below(StageContext context, string folder, string? name) =>
        Path.Combine(context.Root, folder, name ?? context.DefaultName);

    private static string Whole(string folder)
    {
        var manifest = Path.Combine(folder, ManifestName);
        return File.Exists(manifest) ? folder : throw new InvalidFileException(manifest, "does not exist");
    }
}

/// <summary>A clock that moves when told.</summary>
internal sealed class FakeTime : TimeProvider
{
    private DateTimeOffset _now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public void Pass(double seconds) => _now += TimeSpan.FromSeconds(seconds);

    public override DateTimeOffset GetUtcNow() => _now;

    public override long GetTimestamp() => _now.Ticks;
}

/// <summary>Remembers what it was told.</summary>
internal sealed class ProgressLines : IProgress, IProgressTask
{
    public List<string> Lines { get; } = [];

    public void Info(string line) => Lines.Add($"info {line}");

    public void Warn(string line) => Lines.Add($"warn {line}");

    public IProgressTask Start(string what, long total, string unit, long done = 0)
    {
        Lines.Add($"start {what} {total} {unit}{(done > 0 ? $" from {done}" : "")}");
        return this;
    }

    public void Report(long done, string? detail = null) => Lines.Add($"at {done}");

    public void Dispose() => Lines.Add("end");
}

/// <summary>Texts and short forms that the tests share.</summary>
internal static class Given
{
    /// <summary>How an unknown option of the train kind ends.</summary>
    public const string TrainKeys = "known keys: epochs, runs, max_images, tta, decay, widths, notes, optimizer, second";

    public const string Yaml = """
        name: demo
        seed: 3
        device: cpu
        stages:
          prepare:
            uses: prepare
            with: { source: synthetic }
          train:
            uses: train
            needs: [prepare]
            with:
              epochs: 2
              optimizer: { lr: 5 }
          export:
            uses: export
            needs: [train]
            with: { variants: [fp32, fp16] }
          evaluate:
            uses: evaluate
            needs: [prepare, export]
            with:
              tta: mirror_translate
              gates: { accuracy_min: 0.9 }
        """;

    public static PipelineDefinition Parse(string text, params string[] sets) =>
        PipelineFile.Parse(text, "pipeline.yaml", new FakeKinds().All, sets);

    /// <summary>The message of the configuration error that <paramref name="text"/> has to cause.</summary>
    public static string Error(string text, params string[] sets) => Assert.Throws<ConfigurationException>(() => Parse(text, sets)).Message;

    public static T Options<T>(this PipelineDefinition pipeline, string stage) => (T)pipeline.Stages.Single(s => s.Key == stage).Options;
}
