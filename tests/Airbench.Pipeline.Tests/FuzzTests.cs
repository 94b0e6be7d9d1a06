using System.Text;
using System.Text.RegularExpressions;
using Airbench.Pipeline;
using CsCheck;

namespace Airbench.Tests;

public partial class FuzzTests
{
    private static readonly IReadOnlyList<IStage> Kinds = new FakeKinds().All;

    private static readonly string[] Tokens =
    [
        ":", "-", "- ", "? ", "[", "]", "{", "}", ",", "#", "&a", "*a", "!", "!!int", "|", ">", "'", "\"", "%YAML 1.2", "@", "`",
        "---", "...", "<<: ", "~", "null", "yes", "true", "|2-\n", ">+9\n", "\t", "\n", "\r", "\r\n", "\0", "\u0085", "\u2028", "\uFEFF",
        "\\", "\\u", "\\x", "\"\\0\"", "\\U00110000", "\\ud800", "\ud83e\udd8a", "\udd8a",
        ".nan", "-.inf", "1e999", "0x1F", "-1", "9999999999999999999999",
        "name: ", "stages:\n", "  train:\n", "uses: ", "needs: [train]", "with: {", "epochs",
    ];

    [Fact]
    public void A_damaged_pipeline_loads_or_is_refused_with_a_place_and_nothing_else_happens()
    {
        var length = Given.Yaml.Length;
        var edit = Gen.Select(Gen.Int[0, 6], Gen.Int[0, length], Gen.Int[0, 12], Gen.Int[0, Tokens.Length - 1], Gen.Char);
        var (loaded, refused) = (0, 0);

        foreach (var edits in edit.Array[1, 3].Cases(20_000))
        {
            var text = new StringBuilder(Given.Yaml);
            foreach (var (kind, at, count, token, c) in edits)
                Apply(text, kind, Math.Min(at, text.Length), count, Tokens[token], c);
            if (IsRefused(text.ToString()))
                refused++;
            else
                loaded++;
        }

        // Both sides were reached: the damage is neither always nor never fatal.
        Assert.True(loaded > 500 && refused > 500, $"{loaded} loaded, {refused} refused");
    }

    [Fact]
    public void Any_sequence_of_tokens_is_refused_with_a_place_or_loads()
    {
        foreach (var tokens in Gen.OneOf(Tokens).Array[0, 40].Cases(10_000))
            IsRefused(string.Concat(tokens));
    }

    [Fact]
    public void Any_set_is_refused_with_its_flag_or_applied()
    {
        var paths = Gen.OneOf("", "name", "seed", "train.with.", "train.with.notes", "stages.", "evaluate.with.gates", ".");
        foreach (var (path, tokens) in Gen.Select(paths, Gen.OneOf(Tokens).Array[0, 6]).Cases(5_000))
        {
            var set = $"{path}={string.Concat(tokens)}";
            IsRefused(Given.Yaml, set);
        }
    }

    /// <summary>Whether it is refused; any other outcome than that or a pipeline fails the test, with the text that caused it.</summary>
    private static bool IsRefused(string text, params string[] sets)
    {
        try
        {
            PipelineFile.Parse(text, "pipeline.yaml", Kinds, sets);
            return false;
        }
        catch (ConfigurationException e)
        {
            foreach (var line in e.Message.Split('\n').Where(line => !Placed.IsMatch(line)))
                Assert.Fail($"no place: {line}\nin: {text}\n{string.Join(' ', sets)}");
            return true;
        }
        catch (Exception e) when (e is not Xunit.Sdk.XunitException)
        {
            throw new InvalidOperationException($"{e.GetType().Name} from: {text}\n{string.Join(' ', sets)}", e);
        }
    }

    [GeneratedRegex(@"^(pipeline\.yaml:[0-9]+:[0-9]+: .+|--set .+: .+|pipeline\.yaml: and (at least )?[0-9]+ more)\z")]
    private static partial Regex Placed { get; }

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
            default: SwapLines(text, at, count); break;
        }
    }

    private static void SwapLines(StringBuilder text, int a, int b)
    {
        var lines = text.ToString().Split('\n');
        var (i, j) = (a % lines.Length, b % lines.Length);
        (lines[i], lines[j]) = (lines[j], lines[i]);
        text.Clear().Append(string.Join('\n', lines));
    }
}
