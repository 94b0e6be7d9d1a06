namespace Airbench.Tests;

public class YamlTests
{
    [Theory]
    [InlineData("", "pipeline.yaml:1:1: found nothing; expected a mapping")]
    [InlineData("# only a comment\n", "pipeline.yaml:1:1: found nothing; expected a mapping")]
    [InlineData("---\n", "pipeline.yaml:2:1: found nothing; expected a mapping with name, seed, device, usd_per_hour, tracking, env, stages")]
    [InlineData("- a\n", "pipeline.yaml:1:1: found a list; expected a mapping with name, seed, device, usd_per_hour, tracking, env, stages")]
    [InlineData("word", "pipeline.yaml:1:1: found 'word'; expected a mapping with name, seed, device, usd_per_hour, tracking, env, stages")]
    [InlineData("name: x\n", "pipeline.yaml:1:1: found no 'stages'; expected a mapping from stage names to stages")]
    [InlineData("stages:\n", "pipeline.yaml:1:8: stages: found nothing; expected a mapping with 1 to 1000 stages")]
    [InlineData("stages: {}\n", "pipeline.yaml:1:9: stages: found 0 stages; expected a mapping with 1 to 1000 stages")]
    [InlineData("stages: [a]\n", "pipeline.yaml:1:9: stages: found a list; expected a mapping with 1 to 1000 stages")]
    [InlineData("stages: { p: }\n", "pipeline.yaml:1:14: stage 'p': found nothing; expected a mapping with uses, needs and with")]
    [InlineData(
        "stages: { p: { with: {} } }\n",
        "pipeline.yaml:1:11: stage 'p' has no 'uses'; expected one of prepare, train, export, evaluate")]
    [InlineData("stages: {}\nname: a\0b\n", "pipeline.yaml:2:8: found the control character U+0000; expected text")]
    [InlineData("\u001B[31m", "pipeline.yaml:1:1: found the control character U+001B; expected text")]
    [InlineData("stages: { p: { uses: prepare } }\n---\nname: b\n", "pipeline.yaml:2:1: found a second document ('---'); expected one")]
    [InlineData(
        "stages: { p: { uses: prepare } }\nstages: {}\n",
        "pipeline.yaml:2:1: found the key 'stages' a second time; the first is at pipeline.yaml:1:1")]
    [InlineData("stages: { p: { uses: prepare }, [a]: 1 }\n", "pipeline.yaml:1:33: found a list as a key; expected a name")]
    [InlineData(
        "stages: { P: { uses: prepare } }\n",
        "pipeline.yaml:1:11: stage name: found 'P'; expected 1 to 64 of a-z, 0-9, '_', '-' and '.', starting with a letter or digit")]
    [InlineData(
        "stages: { p: { uses: prepare } }\nname: &a x\n",
        "pipeline.yaml:2:7: found an anchor ('&'), which is not supported: write the value out where it is used")]
    [InlineData(
        "stages: { p: { uses: !!str prepare } }\n",
        "pipeline.yaml:1:22: found a tag ('!'), which is not supported: the option decides the type")]
    [InlineData(
        "stages: { p: { uses: prepare, <<: { with: {} } } }\n",
        "pipeline.yaml:1:31: found a merge key ('<<'), which is not supported: write the values out")]
    public void What_is_not_one_plain_mapping_is_refused_with_its_place(string text, string expected) =>
        Assert.Equal(expected, Given.Error(text));

    [Theory]
    [InlineData("stages: { p: { uses: prepare }\n")]
    [InlineData("stages:\n\tp: 1\n")]
    [InlineData("name: \"open\n")]
    [InlineData("a: b: c\n")]
    [InlineData("name: *x\n")]
    [InlineData("name: @x\n")]
    [InlineData("name: \"\\ud800\"\n")]
    [InlineData("name: \"\\U00110000\"\n")]
    [InlineData("%YAML 9.9\n---\na: 1\n")]
    [InlineData("a: 1\n b: 2\n")]
    public void Broken_yaml_is_told_with_line_and_column(string text) =>
        Assert.Matches(@"^pipeline\.yaml:[0-9]+:[0-9]+: [^\n]+(\n|$)", Given.Error(text));

    [Fact]
    public void Aliases_cannot_blow_up_a_small_file()
    {
        var lines = Enumerable.Range(1, 40).Select(i => $"a{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}, *a{i - 1}, *a{i - 1}, *a{i - 1}]");

        var error = Given.Error($"a0: &a0 x\n{string.Join('\n', lines)}\n");

        Assert.Contains("pipeline.yaml:2:10: found an alias ('*')", error, StringComparison.Ordinal);
        Assert.EndsWith("pipeline.yaml: and 223 more", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[", "")]
    [InlineData("{ a: ", "")]
    [InlineData("- ", "")]
    [InlineData("? ", "")]
    public void Deep_nesting_is_refused_before_it_can_exhaust_the_stack(string open, string close)
    {
        var deep = string.Concat(Enumerable.Repeat(open, 100_000)) + close;

        var error = Given.Error("name: x\nstages:\n  " + deep);

        Assert.Contains("nested deeper than 32 levels", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_full_of_mistakes_is_given_up_on()
    {
        var error = Given.Error($"stages: {{ p: {{ uses: prepare, needs: [{string.Concat(Enumerable.Repeat("x,", 400_000))}] }} }}");

        Assert.Equal(101, error.Split('\n').Length);
        Assert.EndsWith("pipeline.yaml: and at least 900 more", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_past_the_bound_is_refused_unread() =>
        Assert.Equal("pipeline.yaml:1:1: found 2000000 characters; expected at most 1048576", Given.Error(new string('#', 2_000_000)));

    [Fact]
    public void Foreign_text_in_a_message_is_one_short_line()
    {
        const string Keys = "known keys: name, seed, device, usd_per_hour, tracking, env, stages";

        var error = Given.Error($"\"na\\nme\\e[31m{new string('x', 500)}\": 1\nstages: {{ p: {{ uses: prepare }} }}");

        Assert.Equal(
            $"pipeline.yaml:1:1: pipeline: unknown key 'na\\nme\\u001B[31m{new string('x', 50)}...'; {Keys}", error);
    }
}
