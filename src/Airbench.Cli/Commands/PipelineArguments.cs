using System.CommandLine;
using Airbench.Pipeline;

namespace Airbench.Cli;

/// <summary>What run, plan and validate have in common: the file, <c>--set</c>, <c>--demo</c>, <c>--from</c> and <c>--only</c>.</summary>
internal sealed class PipelineArguments
{
    public const string DefaultFile = "pipeline.yaml";

    /// <summary>Enough for over 90% on the drawn images, and under a minute on two cores, also without AVX-512.</summary>
    private const string DemoEpochs = "4", DemoWidths = "[32, 64, 128]", DemoBatch = "256", DemoResolutions = "[0.75, 1]", DemoTestCount = "1000";

    private readonly Argument<string?> _file = new("pipeline") { Description = $"Pipeline file [default: {DefaultFile}].", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string[]> _set = new("--set") { Description = "Override a value: --set train.with.epochs=2. May be repeated." };
    private readonly Option<bool> _demo = new("--demo")
    {
        Description = $"Run on the built-in synthetic data set, as pipeline 'demo', with a narrow network for {DemoEpochs} epochs.",
    };
    private readonly Option<string?> _from = new("--from") { Description = "Run this stage and those that depend on it; use earlier results before it." };
    private readonly Option<string?> _only = new("--only") { Description = "Run this stage alone; use earlier results for what it needs." };

    private readonly Option<string?> _force = new("--force")
    {
        Description = "Run every stage, or the named ones (--force=train,export), even where nothing changed.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    public void AddTo(Command command, bool withSelection)
    {
        command.Add(_file);
        command.Add(_set);
        command.Add(_demo);
        if (withSelection)
        {
            command.Add(_from);
            command.Add(_only);
            command.Add(_force);
        }
    }

    /// <summary>Reads and checks the pipeline.</summary>
    public PipelineDefinition Load(ParseResult parsed)
    {
        var sets = parsed.GetValue(_set) ?? [];
        var demo = parsed.GetValue(_demo);
        var file = parsed.GetValue(_file) ?? DefaultFile;
        List<PipelineOverride> first = [];
        if (demo)
        {
            first.Add(new("--demo", "name", "demo"));
            first.Add(new("--demo", "with", "{ source: synthetic }") { Uses = "prepare" });
            first.Add(new("--demo", "with.epochs", DemoEpochs) { Uses = "train" });
            if (parsed.GetValue(_file) is null)   // a file that is named may have another network
            {
                first.Add(new("--demo", "with.test_count", DemoTestCount) { Uses = "prepare" });
                first.Add(new("--demo", "with.widths", DemoWidths) { Uses = "train" });
                first.Add(new("--demo", "with.resolutions", DemoResolutions) { Uses = "train" });
                first.Add(new("--demo", "with.batch_size", DemoBatch) { Uses = "train" });
            }
        }
        // The demo needs nothing but the program: without a file it runs the pipeline that the program carries.
        return demo && parsed.GetValue(_file) is null && !File.Exists(file)
            ? PipelineFile.Parse(EmbeddedPipeline(), DefaultFile, Stages.All, sets, first)
            : PipelineFile.Load(file, Stages.All, sets, first);
    }

    /// <summary>Whether there is a pipeline to load: one was named, the demo, or the default one is here.</summary>
    public bool NamesPipeline(ParseResult parsed) => parsed.GetValue(_file) is not null || parsed.GetValue(_demo) || File.Exists(DefaultFile);

    /// <summary>Which stages, and where: beside the pipeline file.</summary>
    public RunOptions Options(ParseResult parsed) => new()
    {
        Root = Path.GetDirectoryName(Path.GetFullPath(parsed.GetValue(_file) ?? DefaultFile))!,
        From = parsed.GetValue(_from),
        Only = parsed.GetValue(_only),
        Force = parsed.GetValue(_force)?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [],
        ForceAll = parsed.GetResult(_force) is { Tokens.Count: 0 },
        CacheBytes = CacheLimit.FromEnvironment(),
    };

    /// <summary>The pipeline that the program carries, for CIFAR-10.</summary>
    public static string EmbeddedPipeline()
    {
        using var stream = typeof(PipelineArguments).Assembly.GetManifestResourceStream(DefaultFile)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
