namespace Airbench.Pipeline;

/// <summary>What is to be done with a stage.</summary>
/// <param name="Action">What.</param>
/// <param name="Why">The reason, for the user.</param>
internal sealed record Verdict(PlanAction Action, string Why)
{
    /// <summary>What its result depends on; null where that is not known yet, or nothing is kept.</summary>
    public Facts? Facts { get; init; }

    /// <summary>The earlier result that stands for a new one, where the action is to keep or restore it.</summary>
    public ResultRecord? Record { get; init; }
}

/// <summary>
/// What earlier runs made and from what: decides which stages have to run, and keeps the record of those that did. All of it is in
/// <c>&lt;pipeline&gt;.lock.yaml</c> and <c>.airbench/</c>; both can be deleted at any time, and cost a new run then.
/// </summary>
internal sealed class StageMemory
{
    /// <summary>Folder below the root for hashes and earlier results.</summary>
    public const string FolderName = ".airbench";

    private readonly Lock _lock = new();
    private readonly PipelineDefinition _pipeline;
    private readonly RunOptions _options;
    private readonly IProgress _progress;
    private readonly HashIndex _index;
    private readonly FactFinder _finder;
    private readonly ResultCache _cache;
    private readonly Dictionary<string, ResultRecord> _records;
    private readonly string? _damage;

    // What is in the folder of each stage, as far as it is known: of a stage that has to run, nothing before it did.
    private readonly Dictionary<string, Content?> _contents = new(StringComparer.Ordinal);

    // Results of the cache that this run needs: no other result may push them out.
    private readonly HashSet<string> _needed = new(StringComparer.Ordinal);

    /// <param name="pipeline">The pipeline.</param>
    /// <param name="options">Where, and how much is kept.</param>
    /// <param name="progress">Told about long looks at files, and about results that cannot be kept.</param>
    /// <param name="cancel">Ends them.</param>
    public StageMemory(PipelineDefinition pipeline, RunOptions options, IProgress progress, CancellationToken cancel)
    {
        (_pipeline, _options, _progress) = (pipeline, options, progress);
        _index = new HashIndex(options.Root, options.ClockTick, progress, cancel);
        _finder = new FactFinder(options.Root, _index, pipeline.Environment, progress);
        _cache = new ResultCache(options.Root, options.CacheBytes);
        _records = new(RecordFile.Read(LockPath, out _damage), StringComparer.Ordinal);
    }

    private sealed record Content(string Folder, IReadOnlyDictionary<string, string> Files);

    private string LockPath => Path.Combine(_options.Root, RecordFile.LockName(_pipeline.Name));

    /// <summary>Decides about a stage, as things are now. What is known of the stages that it needs was told by earlier calls.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="folder">Where its artifact is or will be, relative to the root; RUN stands for the run's name.</param>
    /// <param name="forced">Why it has to run whatever is known; null where it has not.</param>
    public Verdict Judge(PipelineStage stage, string folder, string? forced)
    {
        if (!_options.KeepRecord)
        {
            return new(PlanAction.Run, "a single stage always runs");
        }

        lock (_lock)
        {
            var verdict = Decide(stage, folder, forced);
            if (ChangedChoice(stage, folder, verdict) is { } change)
            {
                verdict = verdict with { Why = $"{verdict.Why}; {change}" };
            }
            _contents[stage.Key] = verdict.Record is { } record ? new(Path.Combine(_options.Root, folder), record.Outputs) : null;
            if (verdict.Action == PlanAction.Restore)
            {
                _needed.Add(ResultCache.NameOf(verdict.Facts!));
            }

            return verdict;
        }
    }

    /// <summary>Takes the artifact of an earlier run as it is in <paramref name="folder"/>, relative to the root.</summary>
    public void TakeExisting(PipelineStage stage, string folder)
    {
        if (!_options.KeepRecord)
        {
            return;
        }

        lock (_lock)
        {
            // Where all that its record names is unchanged, what a user put beside it is none of ours.
            var full = Path.Combine(_options.Root, folder);
            var isRecorded = _records.TryGetValue(stage.Key, out var record) && ArtifactFiles.Difference(full, record.Outputs, _index) is null;
            _contents[stage.Key] = new(full, isRecorded ? record!.Outputs : ArtifactFiles.Hashes(full, _index));
        }
    }

    /// <summary>Puts the earlier result of a verdict in place and in the lock file.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="verdict">One that keeps or restores.</param>
    /// <param name="folder">Full path of its artifact.</param>
    /// <returns>False where the cache does not have it any more: then the stage has to run.</returns>
    public bool Reuse(PipelineStage stage, Verdict verdict, string folder)
    {
        lock (_lock)
        {
            var record = verdict.Record!;
            if (verdict.Action == PlanAction.Restore && !_cache.Restore(record, folder, mayLink: !IsOfRun(stage)))
            {
                return false;
            }

            _cache.Use(record.From);
            _contents[stage.Key] = new(folder, record.Outputs);
            Keep(stage, record, folder: null);
            return true;
        }
    }

    /// <summary>Records what a stage made.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="verdict">What was decided before it started.</param>
    /// <param name="result">What it reported.</param>
    /// <exception cref="DataException">What it read was changed while it ran. Nothing is recorded.</exception>
    public void Record(PipelineStage stage, Verdict verdict, StageResult result)
    {
        if (verdict.Facts is not { } before)
        {
            return;
        }

        lock (_lock)
        {
            var changes = Needs(stage).Select(need => Difference(_contents[need.Key]!))
                .Append(FactsOf(stage, PipelinePlan.FolderOf(_pipeline, stage, _options.Root)).DifferencesFrom(before))
                .Where(change => !string.IsNullOrEmpty(change)).ToList();
            if (changes.Count > 0)
            {
                throw new DataException($"its inputs were changed while it ran: {string.Join("; ", changes)}. Its result is not recorded: run again when nothing changes them");
            }

            var folder = result.Artifact.Folder;
            var record = ResultRecord.Of(before, ArtifactFiles.Hashes(folder, _index), result);
            _contents[stage.Key] = new(folder, record.Outputs);
            _needed.Add(ResultCache.NameOf(record.From));
            Keep(stage, record, stage.Kind.AlwaysRuns is null ? folder : null);
        }
    }

    /// <summary>Writes the hashes that were computed.</summary>
    /// <param name="mayCreate">Whether <c>.airbench/</c> may be made for it: not by a command that promises to do nothing.</param>
    public void Save(bool mayCreate)
    {
        if (_options.KeepRecord && (mayCreate || Directory.Exists(Path.Combine(_options.Root, FolderName))))
        {
            _index.Save();
        }
    }

    private Verdict Decide(PipelineStage stage, string folder, string? forced)
    {
        var facts = FactsOf(stage, folder);
        var open = Needs(stage).Where(need => _contents.GetValueOrDefault(need.Key) is null).ToList();
        var earlier = _records.GetValueOrDefault(stage.Key);
        var why = earlier is not null ? facts.DifferencesFrom(earlier.From, [.. open.Select(need => need.Kind.Output.Name)])
            : _damage is not null ? $"no earlier result: {_damage}"
            : "no earlier result";
        if ((forced ?? stage.Kind.AlwaysRuns) is { } always)
        {
            return new(PlanAction.Run, always) { Facts = open.Count == 0 ? facts : null };
        }

        if (open.Count > 0)
        {
            // Only an earlier result that agrees in all that is known already can turn out to be the one.
            var canReuse = (earlier?.From.OwnKey == facts.OwnKey && IsInPlace(stage, folder, earlier)) || _cache.HasAlike(facts);
            var names = string.Join(" and ", open.Select(need => need.Key));
            return canReuse
                ? new(PlanAction.Follow, $"follows {names}: runs where that makes something new")
                : new(PlanAction.Run, why.Length == 0 ? $"follows {names}" : $"{why}; follows {names}");
        }
        return Earlier(stage, folder, facts, earlier, why) ?? new Verdict(PlanAction.Run, why.Length > 0 ? why : WhyLost(stage, folder, earlier!)) { Facts = facts };
    }

    /// <summary>The earlier result with these facts, in its place or in the cache.</summary>
    private Verdict? Earlier(PipelineStage stage, string folder, Facts facts, ResultRecord? earlier, string why)
    {
        if (earlier?.Key == facts.Key && IsInPlace(stage, folder, earlier))
        {
            return new(PlanAction.Keep, "unchanged") { Facts = facts, Record = earlier };
        }

        if (_cache.Find(facts, _index) is not { } kept)
        {
            return null;
        }

        if (IsInPlace(stage, folder, kept))
        {
            return new(PlanAction.Keep, why.Length > 0 ? $"{why}; made by an earlier run" : "unchanged") { Facts = facts, Record = kept };
        }

        var reason = why.Length > 0 ? $"{why}; from the cache"
            : IsOfRun(stage) ? "unchanged"
            : $"{Lost(folder, kept)}; from the cache";
        return new(PlanAction.Restore, reason) { Facts = facts, Record = kept };
    }

    /// <summary>What the stage would choose otherwise now than for the artifact that stands for a new one, or that a new one would replace.</summary>
    private string? ChangedChoice(PipelineStage stage, string folder, Verdict verdict)
    {
        if (IsOfRun(stage))
        {
            return null;
        }
        try
        {
            var place = verdict is { Action: PlanAction.Restore, Record: { } kept } ? _cache.FilesOf(kept) : Path.Combine(_options.Root, folder);
            return Directory.Exists(place) ? stage.Kind.ChangedChoice(ContextOf(stage), stage.Options, stage.Kind.Open(place)) : null;
        }
        catch (AirbenchException)
        {
            return null;   // a damaged artifact tells nothing; who needs it says so
        }
    }

    private string WhyLost(PipelineStage stage, string folder, ResultRecord earlier) =>
        IsOfRun(stage) ? "its earlier result is not in the cache any more" : $"{Lost(folder, earlier)}; not in the cache";

    private string Lost(string folder, ResultRecord record) =>
        $"{folder.Replace(Path.DirectorySeparatorChar, '/')}: {ArtifactFiles.Difference(Path.Combine(_options.Root, folder), record.Outputs, _index)}";

    private string? Difference(Content content) => ArtifactFiles.Difference(content.Folder, content.Files, _index) is { } difference
        ? $"{Path.GetRelativePath(_options.Root, content.Folder).Replace(Path.DirectorySeparatorChar, '/')}: {difference}"
        : null;

    private Facts FactsOf(PipelineStage stage, string folder) => _finder.Of(
        stage, ContextOf(stage), folder,
        Needs(stage).Select(need => KeyValuePair.Create(need.Kind.Output, _contents.GetValueOrDefault(need.Key)?.Files)));

    private StageContext ContextOf(PipelineStage stage) =>
        _pipeline.Context(stage, _options.Root, Path.Combine(_options.Root, RunFolder.Runs, _pipeline.Name, FolderCheck.RunPlaceholder));

    /// <summary>The needs whose artifacts the kind of stage takes; others are there for the order alone.</summary>
    private IEnumerable<PipelineStage> Needs(PipelineStage stage)
    {
        var taken = stage.Kind.Inputs.Concat(stage.Kind.OptionalInputs).ToList();
        return stage.Needs.Select(key => _pipeline.Stages.Single(other => other.Key == key))
            .Where(need => taken.Any(type => type.IsAssignableFrom(need.Kind.Output)));
    }

    private bool IsInPlace(PipelineStage stage, string folder, ResultRecord record) =>
        !IsOfRun(stage) && ArtifactFiles.Difference(Path.Combine(_options.Root, folder), record.Outputs, _index) is null;

    private bool IsOfRun(PipelineStage stage) => FolderCheck.IsOfRun(PipelinePlan.FolderOf(_pipeline, stage, _options.Root));

    /// <summary>Writes a record to the lock file and the files in <paramref name="folder"/>, if one is given, to the cache. A full disk is no reason to fail a good result.</summary>
    private void Keep(PipelineStage stage, ResultRecord record, string? folder)
    {
        try
        {
            if (folder is not null)
            {
                _cache.Store(record, folder);
                _cache.Prune(_needed);
            }
            if (_records.TryGetValue(stage.Key, out var earlier) && earlier.Write("") == record.Write(""))
            {
                return;
            }

            _records[stage.Key] = record;
            RecordFile.Write(
                LockPath, $"Written by airbench: what the stages of '{_pipeline.Name}' made last, and from what. `airbench plan` compares with it.",
                _pipeline.Stages.Where(known => _records.ContainsKey(known.Key)).Select(known => (known.Key, _records[known.Key])));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _progress.Warn($"{stage.Key}: its result is valid, but cannot be stored for later runs: {e.Message}");
        }
    }
}
