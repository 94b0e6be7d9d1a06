using System.Text;

namespace Airbench.Pipeline;

/// <summary>One thing that a result depends on.</summary>
/// <param name="Section">One of <see cref="Facts.Sections"/>.</param>
/// <param name="Name">For people: "recipe.epochs", "TrainedModel/weights.safetensors".</param>
/// <param name="Value">Its value; of content a hash.</param>
internal sealed record Fact(string Section, string Name, string Value);

/// <summary>Everything that a stage's result depends on; equal facts, equal results.</summary>
internal sealed class Facts
{
    public const string Stage = "stage";
    public const string Settings = "settings";
    public const string Inputs = "inputs";
    public const string Reads = "reads";
    public const string Environment = "environment";
    public const string Versions = "versions";

    /// <summary>In the order in which they are written, and in which differences are told.</summary>
    public static readonly IReadOnlyList<string> Sections = [Stage, Settings, Inputs, Reads, Environment, Versions];

    private const int MostDifferences = 3;
    private readonly SortedDictionary<(int Section, string Name), string> _values = new(Comparer<(int Section, string Name)>.Create(
        (a, b) => a.Section != b.Section ? a.Section.CompareTo(b.Section) : string.CompareOrdinal(a.Name, b.Name)));

    public Facts(IEnumerable<Fact> facts)
    {
        foreach (var fact in facts)
        {
            _values[(Index(fact.Section), fact.Name)] = fact.Value;
        }

        Key = Hash.OfText(Write(0));
        OwnKey = Hash.OfText(Write(0, _values.Where(value => Sections[value.Key.Section] != Inputs)));
    }

    /// <summary>Name of every result with these facts.</summary>
    public string Key { get; }

    /// <summary>The same without the artifacts of other stages: what is known before those have run.</summary>
    public string OwnKey { get; }

    public IEnumerable<Fact> All => _values.Select(value => new Fact(Sections[value.Key.Section], value.Key.Name, value.Value));

    /// <summary>As YAML: a mapping for each section. Quoting makes different facts different texts.</summary>
    public string Write(int indent) => Write(indent, _values);

    private static string Write(int indent, IEnumerable<KeyValuePair<(int Section, string Name), string>> values)
    {
        var (text, margin) = (new StringBuilder(), new string(' ', indent));
        foreach (var section in values.GroupBy(value => value.Key.Section))
        {
            text.Append(margin).Append(Sections[section.Key]).Append(":\n");
            foreach (var ((_, name), value) in section)
            {
                text.Append(margin).Append("  ").Append(RecordFile.Text(name)).Append(": ").Append(RecordFile.Text(value)).Append('\n');
            }
        }
        return text.ToString();
    }

    /// <summary>
    /// What is different in these facts than in <paramref name="earlier"/>, for people: "recipe.epochs 9.9 -> 8; seed 1 -> 2"; empty where nothing
    /// is. Inputs of the needs in <paramref name="unknown"/> are not looked at.
    /// </summary>
    public string DifferencesFrom(Facts earlier, IReadOnlyCollection<string>? unknown = null)
    {
        var differences = _values.Keys.Union(earlier._values.Keys)
            .Where(key => unknown is null || !unknown.Any(need => Sections[key.Section] == Inputs && key.Name.StartsWith($"{need}/", StringComparison.Ordinal)))
            .Order(_values.Comparer)
            .Select(key => Difference(key.Section, key.Name, earlier._values.GetValueOrDefault(key), _values.GetValueOrDefault(key)))
            .OfType<string>().ToList();
        var more = differences.Count > MostDifferences ? $"; and {differences.Count - MostDifferences} more" : "";
        return string.Join("; ", differences.Take(MostDifferences)) + more;
    }

    private static string? Difference(int section, string name, string? then, string? now) =>
        then == now ? null
        : Sections[section] is Inputs or Reads ? $"{name} {(then is null ? "is new" : now is null ? "is gone" : "changed")}"
        : $"{name} {Show(then)} -> {Show(now)}";

    private static string Show(string? value) => value is null ? "(none)" : Quote.Show(value)[1..^1];

    private static int Index(string section) =>
        Sections.ToList().IndexOf(section) is >= 0 and var i ? i : throw new ArgumentException($"found the section '{section}'; expected one of {string.Join(", ", Sections)}");
}
