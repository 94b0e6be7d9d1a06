using System.Text;
using System.Text.RegularExpressions;

namespace Airbench.Pipeline;

/// <summary>Reads and checks a pipeline file: every problem at once, each with file, line and column, before any work.</summary>
public static partial class PipelineFile
{
    /// <summary>Most stages of one pipeline.</summary>
    public const int MaxStages = 1000;

    /// <summary>Device where the file names none.</summary>
    public const string DefaultDevice = "auto";

    /// <summary>Seed where the file names none.</summary>
    public const int DefaultSeed = 1;

    /// <summary>Name where the file gives none.</summary>
    public const string DefaultName = "pipeline";

    /// <summary>Regular expression of <c>device</c>.</summary>
    public const string DevicePattern = "^(auto|cpu|cuda(:[0-9]{1,3})?)$";

    private const string UsdPerHourKey = "usd_per_hour";
    private const string TrackingKey = "tracking";

    internal static OptionType TrackingType { get; } = new ListType(new ChoiceType(typeof(Tracker)));

    private const string EnvKey = "env";

    private static readonly IReadOnlyList<string> Keys = [.. Overrides.Header, EnvKey, "stages"];

    private static readonly ListType EnvType = new(new TextType());

    private static readonly Dictionary<string, OptionType> HeaderTypes = new()
    {
        ["name"] = new TextType(),
        ["seed"] = new WholeType(typeof(int)),
        ["device"] = new TextType(),
        [UsdPerHourKey] = new OptionalType(new NumberType(), typeof(double?)),
        [TrackingKey] = TrackingType,
    };

    // Not the patterns of the schema: in .NET "$" also matches before a line break at the end.
    [GeneratedRegex(@"^(auto|cpu|cuda(:[0-9]{1,3})?)\z", RegexOptions.CultureInvariant)]
    private static partial Regex DeviceName { get; }

    [GeneratedRegex(@"^[A-Za-z0-9_=.,:/+-]+\z", RegexOptions.CultureInvariant)]
    private static partial Regex ShellWord { get; }

    /// <summary>Reads the file at <paramref name="path"/>.</summary>
    /// <param name="path">The file, as the user named it; messages repeat it.</param>
    /// <param name="kinds">Every kind of stage that <c>uses</c> can name.</param>
    /// <param name="sets">Texts as behind <c>--set</c>: "train.with.epochs=2". A later one wins.</param>
    /// <param name="first">Overrides that come before <paramref name="sets"/>, as those of <c>--demo</c>.</param>
    /// <param name="environment">Value of an environment variable, null where it is not set; by default the process's own.</param>
    /// <exception cref="ConfigurationException">Anything is wrong; the message has all problems, one a line.</exception>
    public static PipelineDefinition Load(
        string path, IReadOnlyList<IStage> kinds, IReadOnlyList<string> sets, IReadOnlyList<PipelineOverride>? first = null,
        Func<string, string?>? environment = null) =>
        Parse(ReadText(path), path, kinds, sets, first, environment);

    /// <summary>Reads a pipeline from <paramref name="text"/>; messages call it <paramref name="file"/>.</summary>
    /// <inheritdoc cref="Load"/>
    public static PipelineDefinition Parse(
        string text, string file, IReadOnlyList<IStage> kinds, IReadOnlyList<string> sets, IReadOnlyList<PipelineOverride>? first = null,
        Func<string, string?>? environment = null)
    {
        IReadOnlyList<PipelineOverride> overrides = [.. first ?? [], .. sets.Select(PipelineOverride.Set)];
        var problems = new Problems();
        var node = YamlReader.ReadFile(text, file, problems);
        if (node is not null and not MapNode)
        {
            problems.Add(node.At, $"found {node.Found}; expected a mapping with {string.Join(", ", Keys)}");
        }

        if (node is not MapNode root)
        {
            problems.ThrowIfAny();
            throw new InvalidOperationException("no tree and no problem");   // the reader says why it has none
        }
        foreach (var change in overrides)
        {
            Overrides.Apply(root, change, problems);
        }

        var use = ReadEnvironment(root, environment ?? Environment.GetEnvironmentVariable, problems);
        var binder = new OptionBinder(problems) { Environment = use };
        foreach (var entry in root.Entries.Where(e => !Keys.Contains(e.Key)))
        {
            binder.UnknownKey(entry, "pipeline", Keys);
        }

        var (name, seed, device, usdPerHour, tracking) = ReadHeader(root, binder, problems);
        var drafts = ReadStages(root, kinds, binder, problems);
        StageGraph.Check(drafts, kinds, problems);
        var pipeline = new PipelineDefinition
        {
            Name = name,
            Seed = seed,
            Device = device,
            UsdPerHour = usdPerHour,
            Tracking = tracking,
            Stages = [.. drafts.Where(d => d.Options is not null).Select(Finish)],
            Command = CommandOf(file, overrides),
            Environment = use.Finish(),
        };
        if (pipeline.Stages.Count == drafts.Count)   // default names depend on what the other stages are
        {
            FolderCheck.Check(pipeline, problems);
        }

        problems.ThrowIfAny();
        return pipeline;
    }

    /// <summary>A pipeline of one stage whose options come from flags and whose inputs from disk.</summary>
    /// <param name="kind">The kind of stage; also its name.</param>
    /// <param name="flags">Option texts by key; see <see cref="OptionText"/>.</param>
    /// <param name="header">Texts of name, seed, device and usd_per_hour, where given.</param>
    /// <param name="given">The artifacts that it takes.</param>
    /// <param name="remedy">How to give an artifact of a type, for the message where one is missing.</param>
    /// <exception cref="ConfigurationException">Anything is wrong; the message has all problems, one a line.</exception>
    public static PipelineDefinition OneStage(
        IStage kind,
        IReadOnlyDictionary<string, string> flags,
        IReadOnlyDictionary<string, string> header,
        IReadOnlyList<Artifact> given,
        Func<Type, string> remedy)
    {
        var problems = new Problems();
        var binder = new OptionBinder(problems);
        var root = OptionText.Tree(header, HeaderTypes, problems);
        var (name, seed, device, usdPerHour, tracking) = ReadHeader(root, binder, problems);
        var options = OptionText.Bind(kind, flags, problems);
        var required = kind.Inputs.Concat(options is null ? [] : kind.InputsFor(options));
        foreach (var input in required.Where(input => !given.Any(input.IsInstanceOfType)))
        {
            var who = kind.Inputs.Contains(input) ? "needs" : "with these options needs";
            problems.Add(SourcePosition.Flag(kind.Uses), $"{who} {remedy(input)}");
        }
        problems.ThrowIfAny();
        var stage = new PipelineStage
        {
            Key = kind.Uses,
            Kind = kind,
            Options = options!,
            Given = given,
            Position = SourcePosition.Flag(kind.Uses),
        };
        var pipeline = new PipelineDefinition
        {
            Name = name,
            Seed = seed,
            Device = device,
            UsdPerHour = usdPerHour,
            Tracking = tracking,
            Stages = [stage],
            Command = $"airbench {kind.Uses}",
        };
        FolderCheck.Check(pipeline, problems);
        problems.ThrowIfAny();
        return pipeline;
    }

    /// <summary>Reads <c>env</c>, and puts the variables' values in place of the references: under <c>with</c> and in the header, but not in names.</summary>
    private static EnvironmentUse ReadEnvironment(MapNode root, Func<string, string?> lookup, Problems problems)
    {
        string[] declared = [];
        if (root.Find(EnvKey) is { Value.IsNull: false } env)
        {
            var before = problems.Count;
            declared = (string[])new OptionBinder(problems).Bind(env.Value, EnvType, EnvKey, declared)!;
            if (problems.Count > before)
            {
                declared = [];
            }

            foreach (var name in declared.Where(name => !EnvironmentReferences.IsName(name)))
            {
                problems.Add(env.Value.At, $"{EnvKey}: found {Quote.Show(name)}; expected the name of an environment variable: letters, digits and '_'");
            }
        }
        declared = [.. declared.Distinct()];
        var references = new EnvironmentReferences(declared, lookup);
        foreach (var entry in Overrides.Header.Where(key => key != "name").Select(root.Find).OfType<MapEntry>())
        {
            root.Set(entry with { Value = references.Expand(entry.Value) });
        }

        foreach (var stage in (root.Find("stages")?.Value as MapNode)?.Entries ?? [])
        {
            if (stage.Value is MapNode map && map.Find("with") is { } with)
            {
                map.Set(with with { Value = references.Expand(with.Value) });
            }
        }
        return new EnvironmentUse(declared, lookup);
    }

    private static (string Name, int Seed, string Device, double? UsdPerHour, IReadOnlyList<Tracker> Tracking) ReadHeader(
        MapNode root, OptionBinder binder, Problems problems)
    {
        var name = Read("name", DefaultName, (text, _) => Names.Problem(text));
        var seed = Read("seed", DefaultSeed, (value, found) =>
            value < 0 ? $"found {found}; expected a whole number from 0 to {int.MaxValue}" : null);
        var device = Read("device", DefaultDevice, (text, found) =>
            DeviceName.IsMatch(text) ? null : $"found {found}; expected auto, cpu, cuda or cuda:N");
        var usdPerHour = Read(UsdPerHourKey, (double?)null, (value, found) =>
            value < 0 ? $"found {found}; expected 0 or more US dollars an hour, or null" : null);
        var tracking = Read<Tracker[]>(TrackingKey, [], (names, _) =>
            names.Length == names.Distinct().Count() ? null : "found a name twice; expected each at most once");
        return (name, seed, device, usdPerHour, tracking);

        T Read<T>(string key, T fallback, Func<T, string, string?> check)
        {
            if (root.Find(key) is not { } entry)
            {
                return fallback;
            }

            var before = problems.Count;
            var value = (T)binder.Bind(entry.Value, HeaderTypes[key], key, fallback)!;
            var found = entry.Value is ScalarNode { Written: null, Plain: true } plain && value is not string ? plain.Text : entry.Value.Found;
            if (problems.Count == before && check(value, found) is { } problem)
            {
                problems.Add(entry.Value.At, $"{key}: {problem}");
            }

            return problems.Count == before ? value : fallback;
        }
    }

    private static List<StageDraft> ReadStages(MapNode root, IReadOnlyList<IStage> kinds, OptionBinder binder, Problems problems)
    {
        if (root.Find("stages") is not { } stages)
        {
            problems.Add(root.At, "found no 'stages'; expected a mapping from stage names to stages");
            return [];
        }
        if (stages.Value is not MapNode { Entries.Count: > 0 and <= MaxStages } map)
        {
            var found = stages.Value is MapNode many ? $"{many.Entries.Count} stages" : stages.Value.Found;
            problems.Add(stages.Value.At, $"stages: found {found}; expected a mapping with 1 to {MaxStages} stages");
            return [];
        }
        var reader = new StageReader(kinds, binder, problems);
        return [.. map.Entries.Select(reader.Read)];
    }

    private static PipelineStage Finish(StageDraft draft) => new()
    {
        Key = draft.Key,
        Kind = draft.Kind!,
        Needs = [.. draft.Needs.Select(n => n.Key)],
        Options = draft.Options!,
        OptionsAsWritten = draft.OptionsAsWritten,
        Position = draft.At,
    };

    private static string CommandOf(string file, IReadOnlyList<PipelineOverride> overrides)
    {
        // Overrides that share a label come from one flag, such as --demo.
        var words = overrides.Select(o => o.Label).Distinct().SelectMany(label => label.Split(' ', 2));
        return string.Join(' ', ["airbench", "run", Shell(file), .. words.Select(Shell)]);
    }

    /// <summary>A word as a POSIX shell takes it: quoted where it has to be.</summary>
    public static string Shell(string word) =>
        ShellWord.IsMatch(word) ? word : $"'{Quote.OneLine(word).Replace("'", @"'\''", StringComparison.Ordinal)}'";

    private static string ReadText(string path)
    {
        if (Directory.Exists(path))
        {
            throw new ConfigurationException($"{path}: found a folder; expected a file, for example {Path.Combine(path, "pipeline.yaml")}");
        }

        byte[] bytes;
        if (FileKind.Unusual(path) is { } what)
        {
            throw new ConfigurationException($"{path}: is {what}; expected a pipeline file");
        }
        try
        {
            var length = FileLength.Of(path);
            if (length > YamlReader.MaxCharacters)
            {
                throw new ConfigurationException($"{path}:1:1: found {length} bytes; expected at most {YamlReader.MaxCharacters}");
            }

            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ConfigurationException(
                $"{path}: there is no such file; expected a pipeline (airbench run FILE; without FILE it is pipeline.yaml)", e);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw new ConfigurationException($"{path}: cannot be read: {e.Message}", e);
        }
        try
        {
            return new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(bytes).TrimStart('\uFEFF');
        }
        catch (DecoderFallbackException e)
        {
            var before = Encoding.UTF8.GetString(bytes.AsSpan(0, e.Index));
            throw new ConfigurationException($"{new TextLines(before, path).At(before.Length)}: found a byte that is not UTF-8 text; save the file as UTF-8", e);
        }
    }
}
