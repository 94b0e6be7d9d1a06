namespace Airbench.Pipeline;

/// <summary>What to run of a pipeline.</summary>
public sealed record RunOptions
{
    /// <summary>Folder that holds data/, models/, exports/ and runs/.</summary>
    public required string Root { get; init; }

    /// <summary>Run this stage and those that depend on it; open what they need of the others from disk.</summary>
    public string? From { get; init; }

    /// <summary>Run this stage alone; open what it needs from disk.</summary>
    public string? Only { get; init; }

    /// <summary>Run these stages even where nothing changed.</summary>
    public IReadOnlyCollection<string> Force { get; init; } = [];

    /// <summary>Run every selected stage even where nothing changed.</summary>
    public bool ForceAll { get; init; }

    /// <summary>Whether earlier results are looked at and results recorded; if not, every selected stage runs.</summary>
    public bool KeepRecord { get; init; } = true;

    /// <summary>Bytes of earlier results that are kept in <c>.airbench/cache/</c>; 0 keeps none.</summary>
    public long CacheBytes { get; init; } = ResultStore.DefaultLimit;

    /// <summary>How coarse the clock of the file system may be; for tests, which cannot wait.</summary>
    internal TimeSpan ClockTick { get; init; } = HashIndex.CoarsestTick;

    /// <summary>How stages are executed.</summary>
    public IStageExecutor Executor { get; init; } = new InProcessExecutor();

    /// <summary>Most stages side by side, 1 or more. At most one of them is on the device.</summary>
    public int Jobs { get; init; } = 1;

    /// <summary>Whether to wait for another run that works in the same folders; it is an error otherwise.</summary>
    public bool Wait { get; init; } = true;
}

/// <summary>What happens with a stage.</summary>
public enum PlanAction
{
    /// <summary>It does its work.</summary>
    Run,

    /// <summary>It runs if a stage that it needs, and that runs, makes something else than before.</summary>
    Follow,

    /// <summary>Nothing that its result depends on has changed; the result is in its place.</summary>
    Keep,

    /// <summary>An earlier result, made from the same, is put in place from the cache.</summary>
    Restore,

    /// <summary>The artifact of an earlier run is opened.</summary>
    UseExisting,

    /// <summary>Nothing: no stage that runs needs it.</summary>
    Skip,
}

/// <summary>One stage in a plan.</summary>
/// <param name="Stage">The stage.</param>
/// <param name="Folder">Where its artifact is or will be, relative to the root; RUN stands for the run's name.</param>
/// <param name="Action">What happens with it.</param>
/// <param name="Why">The reason, for the user: "recipe.epochs 9.9 -> 8", "--from train: artifact of an earlier run in data/demo".</param>
public sealed record PlanRow(PipelineStage Stage, string Folder, PlanAction Action, string Why)
{
    /// <summary>The artifact to use, where <see cref="Action"/> is <see cref="PlanAction.UseExisting"/>.</summary>
    public Artifact? Existing { get; init; }

    /// <summary>The flag that makes it run whether anything changed or not; null where none does.</summary>
    internal string? Forced { get; init; }

    /// <summary>Whether that is <c>--force</c>: then the stage does not go on from what an earlier attempt left.</summary>
    internal bool StartsAnew { get; init; }
}

/// <summary>What a run will do, and why, in the order of execution.</summary>
public sealed record PipelinePlan(PipelineDefinition Pipeline, IReadOnlyList<PlanRow> Rows)
{
    /// <summary>
    /// Decides for every stage by what its result depends on now and what earlier results were made from. Opens the artifacts of earlier runs that
    /// are needed, and writes nothing, but for hashes that spare a later plan or run the reading of big files.
    /// </summary>
    /// <exception cref="ConfigurationException">A stage in <paramref name="options"/> does not exist, or artifacts that are
    /// needed are not there; the message names each folder and the command that makes it.</exception>
    /// <exception cref="OperationCanceledException">Cancelled while it looked at big files.</exception>
    public static PipelinePlan Make(
        PipelineDefinition pipeline, RunOptions options, IProgress? progress = null, CancellationToken cancel = default)
    {
        pipeline = pipeline with { Environment = pipeline.Environment.Below(options.Root) };
        var memory = new StageMemory(pipeline, options, progress ?? IProgress.Silent, cancel);
        var plan = Make(pipeline, options, memory);
        memory.Save(mayCreate: false);
        return plan;
    }

    internal static PipelinePlan Make(PipelineDefinition pipeline, RunOptions options, StageMemory memory)
    {
        var order = StageGraph.Order(pipeline.Stages);
        var (selected, flag) = Select(order, options);
        foreach (var key in options.Force)
        {
            RequireStage("--force", key, order);
        }

        var needed = order.Where(s => selected.Contains(s.Key)).SelectMany(s => s.Needs).ToHashSet(StringComparer.Ordinal);
        var missing = new List<string>();
        var rows = order.Select(Decide).ToList();
        return missing.Count == 0 ? new(pipeline, rows) : throw new ConfigurationException(string.Join('\n', missing));

        PlanRow Decide(PipelineStage stage)
        {
            var folder = FolderOf(pipeline, stage, options.Root);
            if (selected.Contains(stage.Key))
            {
                var isForced = options.ForceAll || options.Force.Contains(stage.Key);
                var forced = flag is not null ? $"{flag}: {(stage.Key == (options.From ?? options.Only) ? "named" : "depends on it")}"
                    : isForced ? "--force"
                    : null;
                var verdict = memory.Judge(stage, folder, forced);
                return new(stage, folder, verdict.Action, verdict.Why) { Forced = forced, StartsAnew = isForced };
            }
            if (!needed.Contains(stage.Key))
            {
                return new(stage, folder, PlanAction.Skip, $"{flag}: no stage that runs needs it");
            }

            var existing = Open(stage, folder, options.Root, out var problem);
            if (existing is null)
            {
                var what = $"{flag} needs the {stage.Kind.Output.Name} of stage '{stage.Key}' in {folder}";
                missing.Add($"{what}: {problem}. Make it with: {pipeline.Command} --only {stage.Key}");
            }
            else
            {
                memory.TakeExisting(stage, folder);
            }
            return new(stage, folder, PlanAction.UseExisting, $"{flag}: artifact of an earlier run in {folder}") { Existing = existing };
        }
    }

    /// <summary>
    /// The folders, relative to the root, that a run with <paramref name="options"/> may write, and those that it only reads; without a look at
    /// what is in them.
    /// </summary>
    /// <exception cref="ConfigurationException">A stage in <paramref name="options"/> does not exist.</exception>
    internal static IEnumerable<(string Folder, bool IsWritten)> Folders(PipelineDefinition pipeline, RunOptions options)
    {
        var order = StageGraph.Order(pipeline.Stages);
        var (selected, _) = Select(order, options);
        var running = order.Where(stage => selected.Contains(stage.Key)).ToList();
        var read = running.SelectMany(stage => stage.Needs).ToHashSet(StringComparer.Ordinal);
        return order.Where(stage => selected.Contains(stage.Key) || read.Contains(stage.Key))
            .Select(stage => (FolderOf(pipeline, stage, options.Root), selected.Contains(stage.Key)))
            .Concat(running.SelectMany(stage => stage.Given).Select(given => (Path.GetRelativePath(options.Root, given.Folder), false)));
    }

    private static (IReadOnlySet<string> Keys, string? Flag) Select(IReadOnlyList<PipelineStage> order, RunOptions options)
    {
        if (options is { From: not null, Only: not null })
        {
            throw new ConfigurationException($"found --from {options.From} and --only {options.Only}; expected one of the two");
        }

        if ((options.From ?? options.Only) is not { } key)
        {
            return (order.Select(s => s.Key).ToHashSet(StringComparer.Ordinal), null);
        }

        var flag = $"{(options.From is null ? "--only" : "--from")} {key}";
        RequireStage(options.From is null ? "--only" : "--from", key, order);
        return (options.From is null ? new HashSet<string> { key } : StageGraph.WithDependants(key, order), flag);
    }

    private static void RequireStage(string flag, string key, IReadOnlyList<PipelineStage> order)
    {
        var known = order.Select(s => s.Key).ToList();
        if (!known.Contains(key))
        {
            throw new ConfigurationException($"{flag} {key}: there is no such stage{Suggestion.For(key, known)}; stages: {string.Join(", ", known)}");
        }
    }

    internal static string FolderOf(PipelineDefinition pipeline, PipelineStage stage, string root)
    {
        var runFolder = Path.Combine(root, RunFolder.Runs, pipeline.Name, FolderCheck.RunPlaceholder);
        return Path.GetRelativePath(root, stage.Kind.OutputFolder(pipeline.Context(stage, root, runFolder), stage.Options));
    }

    private static Artifact? Open(PipelineStage stage, string folder, string root, out string problem)
    {
        problem = "";
        if (FolderCheck.IsOfRun(folder))
        {
            problem = "it is stored in the folder of its own run, which other runs do not use";
            return null;
        }
        try
        {
            return stage.Kind.Open(Path.Combine(root, folder));
        }
        catch (AirbenchException e)
        {
            problem = Quote.OneLine(e.Message);
            return null;
        }
    }
}
