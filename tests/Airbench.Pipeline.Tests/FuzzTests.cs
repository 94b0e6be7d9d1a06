using System.Text;
using System.Text.RegularExpressions;
using Airbench.Pipeline;
using CsCheck;

namespace Airbench.Tests;

/// <summary>
/// 100,000 damaged pipelines: each loads, or is refused with the place of every problem, a place that the file has. No other exception, no
/// stack overflow, no hang.
/// </summary>
public partial class FuzzTests
{
    private static readonly IReadOnlyList<IStage> Kinds = new FakeKinds().All;

    private static readonly string[] Tokens =
    [
        ":", "-", "- ", "? ", "[", "]", "{", "}", ",", "#", " # c\n", "&a ", "*a", "!", "!!int ", "!!binary |\n", "!<tag:x> ", "|", ">", "'", "\"",
        "%YAML 1.2\n", "%TAG ! x\n", "@", "`", "---\n", "...\n", "<<: ", "<<: *a\n", "~", "null", "yes", "true", "on", "|2-\n", ">+9\n",
        "\t", "\n", "\r", "\r\n", "\n\n", "\n  ", "\n    ", "\0", "\u0085", "\u2028", "\uFEFF", "\u00a0", "\u200b",
        "\\", "\\u", "\\x", "\"\\0\"", "\\U00110000", "\\ud800", "\ud83e\udd8a", "\udd8a",
        ".nan", "-.inf", "1e999", "0x1F", "-1", "9999999999999999999999", "1_000", "12:30:45", "2026-01-02",
        "name: ", "seed: ", "stages:\n", "  train:\n", "uses: ", "needs: [train]", "with: {", "epochs", "env: [HOME]\n", "env: ",
        "${env:HOME}", "\"${env:HOME}\"", "${env:", "$${", "${env:NOT_SET}", "${}", "$",
    ];

    private static string Variable(string name) => name == "HOME" ? "7" : "";

    [Fact]
    public void A_text_with_any_edits_loads_or_is_refused_with_places()
    {
        var bases = new[] { Given.Yaml, Flow, WithEnvironment, Given.Yaml.ReplaceLineEndings("\r\n") };
        var edit = Gen.Select(Gen.Int[0, 7], Gen.Int[0, Given.Yaml.Length], Gen.Int[0, 12], Gen.Int[0, Tokens.Length - 1], Gen.Char);
        var (loaded, refused) = Count(Gen.Select(Gen.Int[0, bases.Length - 1], edit.Array[1, 3]).Cases(50_000).Select(c =>
        {
            var text = new StringBuilder(bases[c.Item1]);
            foreach (var (kind, at, count, token, character) in c.Item2)
            {
                Apply(text, kind, Math.Min(at, text.Length), count, Tokens[token], character);
            }

            return text.ToString();
        }));

        // Both sides were reached: the damage is neither always nor never fatal.
        Assert.True(loaded > 2_500 && refused > 2_500, $"{loaded} loaded, {refused} refused");
    }

    [Fact]
    public void Any_sequence_of_tokens_loads_or_is_refused_with_places() =>
        Count(Gen.OneOf(Tokens).Array[0, 40].Cases(10_000).Select(tokens => string.Concat(tokens)));

    [Fact]
    public void A_tree_of_any_shape_and_style_loads_or_is_refused_with_places()
    {
        var (loaded, refused) = Count(RandomTree.Texts().Cases(20_000));

        Assert.True(loaded > 1_000 && refused > 1_000, $"{loaded} loaded, {refused} refused");
    }

    [Fact]
    public void A_file_of_any_bytes_loads_or_is_refused_with_places()
    {
        using var folder = new TemporaryFolder();
        var file = folder.File("pipeline.yaml");
        var whole = Encoding.UTF8.GetBytes(WithEnvironment + $"\n# ünï¢ödé 🦊 {new string('x', 300)}\n");
        byte[][] pieces =
        [
            [0xEF, 0xBB, 0xBF], [0xFF, 0xFE], [0xFE, 0xFF], [0xC3], [0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xC0, 0xAF], [0], [0x0D],
            Encoding.Unicode.GetBytes("name: x"), [0x1B, 0x5B, 0x33, 0x31, 0x6D],
        ];
        var edit = Gen.Select(Gen.Int[0, whole.Length], Gen.Int[0, 4], Gen.OneOf(Gen.OneOf(pieces), Gen.Byte.Array[0, 1]));
        var (loaded, refused) = (0, 0);
        foreach (var edits in edit.Array[1, 2].Cases(10_000))
        {
            var bytes = whole;
            foreach (var (at, count, piece) in edits)
            {
                var start = Math.Min(at, bytes.Length);
                bytes = [.. bytes[..start], .. piece, .. bytes[Math.Min(bytes.Length, start + count)..]];
            }
            File.WriteAllBytes(file, bytes);
            var text = Encoding.UTF8.GetString(bytes);
            if (IsRefused(text, file, () => PipelineFile.Load(file, Kinds, [], environment: Variable)))
            {
                refused++;
            }
            else
            {
                loaded++;
            }
        }

        Assert.True(loaded > 200 && refused > 200, $"{loaded} loaded, {refused} refused");
    }

    [Fact]
    public void Any_set_is_applied_or_refused_with_its_flag()
    {
        var paths = Gen.OneOf("", "name", "seed", "env", "train.with.", "train.with.notes", "stages.", "evaluate.with.gates", ".");
        using var watchdog = new Watchdog();
        foreach (var (path, tokens) in Gen.Select(paths, Gen.OneOf(Tokens).Array[0, 6]).Cases(10_000))
        {
            var set = $"{path}={string.Concat(tokens)}";
            watchdog.Watch(set);
            IsRefused(Given.Yaml, "pipeline.yaml", () => PipelineFile.Parse(Given.Yaml, "pipeline.yaml", Kinds, [set], environment: Variable));
        }
    }

    /// <summary>Small files that ask for much: memory, stack or time.</summary>
    [Theory]
    [MemberData(nameof(Bombs))]
    public void A_bomb_is_refused_with_a_place(string what)
    {
        var (_, refused) = Count([MakeBomb(what)]);

        Assert.True(refused == 1, what);
    }

    public static TheoryData<string> Bombs { get; } = new(
        "billion laughs", "open brackets", "open braces", "open sequences", "nested questions", "nested mappings", "a flow list of lists", "a huge plain scalar", "a huge quoted scalar",
        "a huge key", "a huge block scalar", "many keys", "many duplicate keys", "many stages", "many unknown options", "many needs", "many anchors",
        "many documents", "many comments", "many tabs", "many references", "many dollars", "many dollars and a brace", "many quotes", "a long number", "many errors in a list", "a cycle of needs");

    private static string MakeBomb(string what)
    {
        const int Many = 100_000;
        static string Repeat(string text, int count = Many) => new StringBuilder().Insert(0, text, count).ToString();
        static string Numbered(int count, Func<int, string> line) => string.Concat(Enumerable.Range(0, count).Select(line));
        return what switch
        {
            "billion laughs" => "a: &a [x, x]\n" + Numbered(40, i => $"b{i}: &b{i} [*{(i == 0 ? "a" : $"b{i - 1}")}, *{(i == 0 ? "a" : $"b{i - 1}")}]\n"),
            "open brackets" => Repeat("["),
            "open braces" => Repeat("{a: "),
            "open sequences" => Repeat("- "),
            "nested questions" => Repeat("? "),
            "nested mappings" => Numbered(1200, i => new string(' ', i) + "a:\n"),
            "a flow list of lists" => $"stages: {Repeat("[")}{Repeat("]")}",
            "a huge plain scalar" => "name: " + Repeat("x", 1_000_000),
            "a huge quoted scalar" => "name: \"" + Repeat("\\\"", 500_000) + "\"",
            "a huge key" => Repeat("x", 1_000_000) + ": 1",
            "a huge block scalar" => "name: |\n" + Repeat("  x\n", 250_000),
            "many keys" => Numbered(80_000, i => $"k{i}: {i}\n"),
            "many duplicate keys" => Repeat("name: x\n"),
            "many stages" => "stages:\n" + Numbered(40_000, i => $"  s{i}: {{ uses: prepare }}\n"),
            "many unknown options" => $"{Given.Yaml}\n{Numbered(50_000, i => $"      o{i}: 1\n")}",
            "many needs" => $"stages: {{ a: {{ uses: train, needs: [{Repeat("a, ")}] }} }}",
            "many anchors" => Numbered(50_000, i => $"k{i}: &a{i} x\n"),
            "many documents" => Repeat("--- a\n"),
            "many comments" => Repeat("# c\n"),
            "many tabs" => "name:" + Repeat("\t", 500_000) + "]",
            "many references" => $"env: [HOME]\nstages: {{ t: {{ uses: train, with: {{ epochs: \"{Repeat("${env:HOME}", 80_000)}\" }} }} }}",
            "many dollars" => $"stages: {{ t: {{ uses: train, with: {{ epochs: \"${{{Repeat("$", 900_000)}\" }} }} }}",
            "many dollars and a brace" => $"stages: {{ t: {{ uses: train, with: {{ epochs: \"{Repeat("$", 900_000)}{{\" }} }} }}",
            "many quotes" => Repeat("'"),
            "a long number" => "seed: " + Repeat("9", 900_000),
            "many errors in a list" => $"stages: {{ t: {{ uses: train, with: {{ widths: [{Repeat("x, ")}] }} }} }}",
            "a cycle of needs" => "stages:\n" + Numbered(1000, i => $"  s{i}: {{ uses: export, needs: [s{(i + 1) % 1000}] }}\n"),
            _ => throw new ArgumentOutOfRangeException(nameof(what), what, "no such bomb"),
        };
    }

    private static (int Loaded, int Refused) Count(IEnumerable<string> texts)
    {
        using var watchdog = new Watchdog();
        var (loaded, refused) = (0, 0);
        foreach (var text in texts)
        {
            watchdog.Watch(text);
            if (IsRefused(text, "pipeline.yaml", () => PipelineFile.Parse(text, "pipeline.yaml", Kinds, [], environment: Variable)))
            {
                refused++;
            }
            else
            {
                loaded++;
            }
        }
        return (loaded, refused);
    }

    /// <summary>Whether it is refused; any other outcome than that or a pipeline fails the test, with the text that caused it.</summary>
    private static bool IsRefused(string text, string file, Action load)
    {
        try
        {
            load();
            return false;
        }
        catch (ConfigurationException e)
        {
            var lines = LineBreak.Split(text);
            foreach (var line in e.Message.Split('\n'))
            {
                var named = line.StartsWith(file, StringComparison.Ordinal) ? line[file.Length..] : line;
                var place = Placed.Match(named);
                if (!place.Success)
                {
                    Assert.Fail($"no place: {line}\nin: {Shown(text)}");
                }

                if (place.Groups["line"] is { Success: true } row)
                {
                    var (at, column) = (int.Parse(row.Value), int.Parse(place.Groups["column"].Value));
                    if (at < 1 || at > lines.Length || column < 1 || column > lines[at - 1].Length + 1)
                    {
                        Assert.Fail($"a place outside of the text: {line}\nin: {Shown(text)}");
                    }
                }
            }
            return true;
        }
        catch (Exception e) when (e is not Xunit.Sdk.XunitException)
        {
            throw new InvalidOperationException($"{e.GetType().Name} from: {Shown(text)}", e);
        }
    }

    private static string Shown(string text) => text.Length > 2000 ? text[..2000] + "..." : text;

    [GeneratedRegex(@"^(:(?<line>[0-9]+):(?<column>[0-9]+): .+|--set .+: .+|: and (at least )?[0-9]+ more)\z")]
    private static partial Regex Placed { get; }

    [GeneratedRegex("\r\n|\n|\r")]
    private static partial Regex LineBreak { get; }

    private const string Flow =
        """
        {name: demo, "seed": 3, stages: {prepare: {uses: prepare, with: {source: synthetic}}, train: {uses: train, needs: [prepare],
          with: {epochs: 2, widths: [1, 2, 3], notes: ["a", 'b', c d], optimizer: {lr: 5}, second: null}}}}
        """;

    private const string WithEnvironment =
        """
        # a comment
        name: 'demo'
        env: [HOME, "OTHER"]
        seed: ${env:HOME}
        stages:
          prepare: { uses: prepare, with: { image_size: "2${env:HOME}" } }
          train:
            uses: train
            needs: prepare
            with:
              epochs: 1.5e0
              notes:
                - x
                - "${env:HOME}/$${a}"
                - |-
                  a block
              decay: ~
        """;

    private static void Apply(StringBuilder text, int kind, int at, int count, string token, char c)
    {
        var inside = Math.Min(count, text.Length - at);
        switch (kind)
        {
            case 0: text.Remove(at, inside); break;
            case 1: text.Insert(at, token); break;
            case 2: text.Remove(at, inside).Insert(at, token); break;
            case 3: text.Insert(at, c); break;
            case 4: text.Insert(at, text.ToString(at, inside)); break;
            case 5: text.Length = at; break;
            case 6: Indent(text, at, count); break;
            default: SwapLines(text, at, count); break;
        }
    }

    private static void Indent(StringBuilder text, int at, int count)
    {
        var start = text.ToString(0, at).LastIndexOf('\n') + 1;
        text.Insert(start, new string(' ', count));
    }

    private static void SwapLines(StringBuilder text, int a, int b)
    {
        var lines = text.ToString().Split('\n');
        var (i, j) = (a % lines.Length, b % lines.Length);
        (lines[i], lines[j]) = (lines[j], lines[i]);
        text.Clear().Append(string.Join('\n', lines));
    }
}
