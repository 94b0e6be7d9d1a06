using System.Globalization;
using Airbench.Pipeline;

namespace Airbench.Tests;

internal sealed record SkipOptions
{
    /// <summary>Decides the result.</summary>
    public int Value { get; init; }

    /// <summary>Declared to decide nothing.</summary>
    public int Idle { get; init; }

    public string? File { get; init; }
}

/// <summary>
/// A pipeline whose stages compute texts, together with a model that says what each text has to be and which stages have to run. The model is made
/// of plain values and knows nothing of files, hashes or records.
/// </summary>
internal sealed class SkipWorld : IDisposable
{
    public const string Bad = "bad";
    public const string External = "in.txt";
    private const string ContentName = "content.txt";

    /// <summary>In the order of execution. 'f' needs 'd' for the order alone: its kind takes no artifact.</summary>
    public static readonly string[] Stages = ["a", "e", "b", "c", "d", "f"];

    private readonly TemporaryFolder _root = new(inMemory: true);   // thousands of files are flushed to disk here
    private readonly Dictionary<string, int> _values = Stages.ToDictionary(stage => stage, _ => 0);
    private readonly Dictionary<string, int> _idle = Stages.ToDictionary(stage => stage, _ => 0);
    private readonly Dictionary<string, int> _versions = new() { ["source"] = 1, ["refine"] = 1, ["pack"] = 1, ["judge"] = 1 };
    private readonly FakeTime _time = new();
    private int _seed = 1;
    private bool _packsPictures;
    private string _external = "x0";

    // The model's memory: what was made so far (stage and all that it was made from), what was made last, and what lies in the folders.
    private readonly HashSet<(string Stage, string From)> _cache = [];
    private readonly Dictionary<string, string> _last = [];
    private readonly Dictionary<string, string?> _inPlace = [];

    public SkipWorld() => WriteExternal();

    public List<string> Ran { get; } = [];

    /// <summary>How often a row of a plan was measured, by its action.</summary>
    public Dictionary<PlanAction, int> Rows { get; } = Enum.GetValues<PlanAction>().ToDictionary(action => action, _ => 0);

    public void Dispose() => _root.Dispose();

    public void SetValue(string stage, int value) => _values[stage] = value;

    public void SetIdle(string stage, int value) => _idle[stage] = value;

    public void SetSeed(int seed) => _seed = seed;

    public void SetVersion(string kind, int version) => _versions[kind] = version;

    public void TogglePictures() => _packsPictures = !_packsPictures;

    public void SetExternal(string text)
    {
        _external = text;
        WriteExternal();
    }

    /// <summary>New times, the same bytes.</summary>
    public void WriteExternal() => File.WriteAllText(_root.File(External), _external);

    /// <summary>Somebody writes into an artifact by hand.</summary>
    public void Damage(string stage, bool delete)
    {
        if (stage == "d" || !Directory.Exists(Folder(stage)))
        {
            return;
        }

        if (delete)
        {
            Directory.Delete(Folder(stage), recursive: true);
        }
        else
        {
            File.AppendAllText(Path.Combine(Folder(stage), ContentName), "!");
        }

        _inPlace[stage] = null;
    }

    /// <summary>Somebody puts a file of their own beside an artifact's.</summary>
    public void AddForeignFile(string stage)
    {
        if (stage != "d" && Directory.Exists(Folder(stage)))
        {
            File.WriteAllText(Path.Combine(Folder(stage), "notes.txt"), "mine");
        }
    }

    public void LoseLock(bool garbage)
    {
        var file = _root.File("model.lock.yaml");
        if (garbage && File.Exists(file))
        {
            File.WriteAllText(file, File.ReadAllText(file)[..^20] + "\n<<<<<<< ours\n");
        }
        else
        {
            File.Delete(file);
        }

        _last.Clear();
    }

    public void LoseCache(int how)
    {
        var folder = _root.File(".airbench");
        if (how == 0)
        {
            ResultStore.Prune(_root.Path, limit: 0);
        }
        else if (how == 1 && Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
        else if (Directory.Exists(folder))
        {
            Directory.GetFiles(folder, ContentName, SearchOption.AllDirectories).ToList().ForEach(file => File.AppendAllText(file, "?"));
        }

        _cache.Clear();
    }

    /// <summary>Plans, runs, and compares both with the model.</summary>
    public void PlanAndRun(IReadOnlyCollection<string> forced)
    {
        Ran.Clear();
        var pipeline = PipelineFile.Parse(Yaml(), "model.yaml", Kinds(), []);
        var options = new RunOptions { Root = _root.Path, Force = forced, ClockTick = TimeSpan.FromMilliseconds(20) };
        var plan = PipelinePlan.Make(pipeline, options).Rows.ToDictionary(row => row.Stage.Key);
        _time.Pass(1);
        var report = PipelineRunner.Run(pipeline, options, IProgress.Silent, _time, CancellationToken.None);
        var failed = new HashSet<string>();
        foreach (var stage in report.Stages)
        {
            var (key, row) = (stage.Stage.Key, plan[stage.Stage.Key]);
            var what = $"{key}: planned {row.Action} ({row.Why}), was {stage.Status} ({stage.Why}{stage.Error})";
            Rows[row.Action]++;
            if (Needs(key, ordersToo: true).Any(failed.Contains))
            {
                failed.Add(key);
                Assert.True(stage.Status == RunStatus.NotRun, what);
                continue;
            }
            var hasToRun = forced.Contains(key) || !IsKnown(key);
            Assert.True(Ran.Contains(key) == hasToRun, $"{(hasToRun ? "stale" : "needless")}: {what}");
            Assert.True(
                row.Action switch
                {
                    PlanAction.Run => hasToRun,
                    PlanAction.Keep or PlanAction.Restore => !hasToRun,
                    PlanAction.Follow => Needs(key, ordersToo: false).Any(need => plan[need].Action is PlanAction.Run or PlanAction.Follow),
                    _ => false,
                },
                what);
            if (hasToRun && key == "a" && _external == Bad)
            {
                failed.Add(key);
                Assert.True(stage.Status == RunStatus.Failed, what);
                continue;
            }
            Assert.True(stage.Status == (hasToRun ? RunStatus.Ok : RunStatus.Cached), what);
            Assert.Equal(Output(key), File.ReadAllText(Path.Combine(stage.Result!.Artifact.Folder, ContentName)));
            Assert.Equal($"{Output(key).Length} characters", stage.Result.Summary);
            Assert.StartsWith(key == "d" ? report.RunFolder : _root.Path, stage.Result.Artifact.Folder, StringComparison.Ordinal);
            if (hasToRun)
            {
                _cache.Add((key, From(key)));
            }

            (_last[key], _inPlace[key]) = (From(key), key == "d" ? null : Output(key));
        }
        AfterRunNothingIsLeftToDo(pipeline, options, failed);
    }

    private static void AfterRunNothingIsLeftToDo(PipelineDefinition pipeline, RunOptions options, HashSet<string> failed)
    {
        foreach (var row in PipelinePlan.Make(pipeline, options with { Force = [] }).Rows.Where(row => !failed.Contains(row.Stage.Key)))
        {
            Assert.True(row.Action is PlanAction.Keep or PlanAction.Restore, $"after the run: {row.Stage.Key} {row.Action} ({row.Why})");
        }
    }

    /// <summary>Whether a result made from the same as now is still anywhere.</summary>
    private bool IsKnown(string stage) =>
        _cache.Contains((stage, From(stage)))
        || (_last.GetValueOrDefault(stage) == From(stage) && _inPlace.GetValueOrDefault(stage) == Output(stage));

    /// <summary>What the result of a stage has to be. Values 2n and 2n + 1 of a source make the same; the seed counts from 4.</summary>
    private string Output(string stage) => Kind(stage) switch
    {
        "source" => $"source {_values[stage] / 2} {(_values[stage] >= 4 ? _seed : 0)} {(stage == "a" ? _external : "")} v{_versions["source"]}",
        var kind => $"{kind} {_values[stage]} {(kind == "refine" ? _seed : 0)} [{string.Join("|", Needs(stage, ordersToo: false).Select(Output))}] v{_versions[kind]}",
    };

    /// <summary>All that the result of a stage is made from.</summary>
    private string From(string stage) => string.Join(
        '/', _values[stage], Kind(stage) switch { "source" => _values[stage] >= 4 ? _seed : 0, "refine" => _seed, _ => 0 },
        stage == "a" ? _external : "", _versions[Kind(stage)], string.Join("|", Needs(stage, ordersToo: false).Select(need => need + Output(need))));

    private static string Kind(string stage) => stage switch { "b" => "refine", "c" => "pack", "d" => "judge", _ => "source" };

    private string[] Needs(string stage, bool ordersToo) => stage switch
    {
        "b" => ["a"],
        "c" => _packsPictures ? ["a", "b"] : ["b"],
        "d" => ["a", "c"],
        "f" when ordersToo => ["d"],
        _ => [],
    };

    private string Folder(string stage) => _root.File(Kind(stage), $"model{(Kind(stage) == "source" ? $"-{stage}" : "")}");

    private string Yaml() => $"name: model\nseed: {_seed}\ndevice: cpu\nstages:\n" + string.Concat(Stages.Select(stage =>
        $"  {stage}: {{ uses: {Kind(stage)}, needs: [{string.Join(", ", Needs(stage, ordersToo: true))}], " +
        $"with: {{ value: {_values[stage]}, idle: {_idle[stage]}{(stage == "a" ? $", file: {External}" : "")} }} }}\n"));

    private IReadOnlyList<IStage> Kinds() =>
    [
        Make("source", folder => new Pictures(folder)),
        Make("refine", folder => new Network(folder), [typeof(Pictures)]),
        Make("pack", folder => new Bundle(folder), [typeof(Network)], [typeof(Pictures)]),
        Make("judge", folder => new Score(folder), [typeof(Pictures), typeof(Bundle)]),
    ];

    private FakeStage<SkipOptions, T> Make<T>(string uses, Func<string, T> open, Type[]? inputs = null, Type[]? optional = null) where T : Artifact => new(uses)
    {
        Takes = inputs ?? [],
        MayTake = optional ?? [],
        Folder = (context, _) => uses == "judge" ? Path.Combine(context.RunFolder, context.Name) : Path.Combine(context.Root, uses, context.DefaultName),
        Opener = folder => File.Exists(Path.Combine(folder, ContentName)) ? open(folder) : throw new InvalidFileException(folder, "nothing there"),
        Decides = (context, options) => new Fingerprint
        {
            Settings = options with { Idle = 0 },
            Environment = uses == "refine" || (uses == "source" && options.Value >= 4)
                ? new Dictionary<string, string> { ["seed"] = context.Seed.ToString(CultureInfo.InvariantCulture) }
                : [],
            Reads = options.File is { } file ? [file] : [],
            Versions = new Dictionary<string, string> { [uses] = _versions[uses].ToString(CultureInfo.InvariantCulture) },
        },
        Work = (context, options) =>
        {
            Ran.Add(context.Name);
            // Computed from what really lies there, not from the model.
            var external = options.File is { } file ? File.ReadAllText(Path.Combine(context.Root, file)) : "";
            if (external == Bad)
            {
                throw new DataException("bad input");
            }

            var needed = context.Inputs.Select(input => File.ReadAllText(input.File(ContentName)));
            var text = uses == "source"
                ? $"source {options.Value / 2} {(options.Value >= 4 ? context.Seed : 0)} {external} v{_versions[uses]}"
                : $"{uses} {options.Value} {(uses == "refine" ? context.Seed : 0)} [{string.Join("|", needed)}] v{_versions[uses]}";
            var target = uses == "judge" ? Path.Combine(context.RunFolder, context.Name) : Path.Combine(context.Root, uses, context.DefaultName);
            using var build = AtomicFolder.Create(target);
            File.WriteAllText(build.File(ContentName), text);
            AtomicFolder.WriteFile(build.File(Path.Combine("part", "length.txt")), text.Length.ToString(CultureInfo.InvariantCulture));
            return new StageResult(open(build.Commit()), $"{text.Length} characters");
        },
    };
}
