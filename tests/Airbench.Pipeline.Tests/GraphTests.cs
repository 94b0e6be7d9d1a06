using Airbench.Pipeline;

namespace Airbench.Tests;

public class GraphTests
{
    [Fact]
    public void A_circle_is_named()
    {
        var error = Given.Error("""
            stages:
              p: { uses: prepare, needs: [e] }
              t: { uses: train, needs: [p] }
              e: { uses: export, needs: [t] }
              own: { uses: prepare, with: { name: own }, needs: [own] }
            """);

        Assert.Equal(
            """
            pipeline.yaml:3:29: stages depend on each other in a cycle: p -> e -> t -> p
            pipeline.yaml:5:54: stages depend on each other in a cycle: own -> own
            """,
            error);
    }

    [Fact]
    public void An_input_that_comes_twice_is_refused() =>
        Assert.Equal(
            "pipeline.yaml:4:22: stage 't' (uses train) needs one Pictures; found 2 in needs: a, b",
            Given.Error("stages:\n  a: { uses: prepare }\n  b: { uses: prepare }\n  t: { uses: train,  needs: [a, b] }"));

    [Fact]
    public void A_need_that_is_named_twice_is_refused() =>
        Assert.Equal(
            "pipeline.yaml:3:32: t.needs: found 'a' twice; expected once",
            Given.Error("stages:\n  a: { uses: prepare }\n  t: { uses: train, needs: [a, a] }"));

    [Fact]
    public void A_need_that_is_misspelt_gets_a_suggestion_and_no_second_complaint() =>
        Assert.Equal(
            "pipeline.yaml:3:29: t.needs: there is no stage 'prepaer' (did you mean 'prepare'?); stages: prepare, t",
            Given.Error("stages:\n  prepare: { uses: prepare }\n  t: { uses: train, needs: [prepaer] }"));

    [Fact]
    public void A_stage_that_lacks_an_input_learns_which_stage_or_kind_would_bring_it() =>
        Assert.Equal(
            """
            pipeline.yaml:3:3: stage 't' (uses train) needs a Pictures: add 'a' to needs
            pipeline.yaml:4:24: stage 'e' (uses evaluate) needs a Bundle: add an export stage, and its name to needs
            """,
            Given.Error("stages:\n  a: { uses: prepare }\n  t: { uses: train }\n  e: { uses: evaluate, needs: [a] }"));

    private static string WithExport(string export) => Given.Error(
        "stages:\n  a: { uses: prepare }\n  b: { uses: prepare, with: { name: b } }\n  t: { uses: train, needs: [a] }\n  e: { uses: export, " + export + " }");

    [Fact]
    public void An_input_that_only_some_options_need_is_asked_for_with_those() =>
        Assert.Equal(
            "pipeline.yaml:5:22: stage 'e' (uses export) needs a Pictures: add 'a' or 'b' to needs",
            WithExport("needs: [t], with: { variants: [int8] }"));

    [Fact]
    public void An_input_that_may_be_absent_must_not_come_twice() =>
        Assert.Equal(
            "pipeline.yaml:5:22: stage 'e' (uses export) needs one Pictures; found 2 in needs: a, b",
            WithExport("needs: [a, b, t]"));

    [Theory]
    [InlineData("needs: [t]")]
    [InlineData("needs: [a, t]")]
    public void An_input_that_may_be_absent_may_also_come(string needs)
    {
        var text = "stages:\n  a: { uses: prepare }\n  t: { uses: train, needs: [a] }\n  e: { uses: export, " + needs + " }";

        Assert.Equal(3, PipelineFile.Parse(text, "pipeline.yaml", new FakeKinds().All, []).Stages.Count);
    }

    private static string TwoFolders(string a, string b) =>
        Given.Error($"stages:\n  a: {{ uses: prepare, with: {{ name: {a} }} }}\n  b: {{ uses: prepare, with: {{ name: {b} }} }}")
            .Replace('\\', '/');

    [Fact]
    public void Two_stages_that_write_the_same_folder_are_refused() =>
        Assert.Equal(
            "pipeline.yaml:3:3: stage 'b' would write to 'data/x', where stage 'a' writes as well ('data/x'); give one another name",
            TwoFolders("x", "x"));

    [Theory]
    [InlineData("X", "data/X")]
    [InlineData("x/y", "data/x/y")]
    public void Folders_that_differ_in_case_or_lie_in_each_other_count_as_the_same(string name, string folder) =>
        Assert.Equal(
            $"pipeline.yaml:3:3: stage 'b' would write to '{folder}', where stage 'a' writes as well ('data/x'); give one another name",
            TwoFolders("x", name));

    [Theory]
    [InlineData("../../elsewhere")]
    [InlineData("/tmp/elsewhere")]
    public void A_folder_outside_of_the_working_folder_is_refused(string name) =>
        Assert.Contains(
            "outside of the working folder; expected a place inside",
            Given.Error($"stages:\n  a: {{ uses: prepare, with: {{ name: {name} }} }}"),
            StringComparison.Ordinal);

    [Fact]
    public void A_folder_name_that_no_system_takes_is_refused() =>
        Assert.Equal(
            "pipeline.yaml:2:3: stage 'a': found a folder name with a NUL character, which no file system accepts",
            Given.Error("stages:\n  a: { uses: prepare, with: { name: \"x\\0\" } }"));

    [Fact]
    public void Several_stages_of_a_kind_get_names_of_their_own()
    {
        var pipeline = Given.Parse("name: x\nstages:\n  a: { uses: prepare }\n  b: { uses: prepare }\n  t: { uses: train, needs: [a] }");

        Assert.Equal(["x-a", "x-b", "x"], pipeline.Stages.Select(s => pipeline.Context(s, "root", "run").DefaultName));
    }

    [Fact]
    public void A_thousand_stages_in_a_chain_are_checked()
    {
        var chain = Enumerable.Range(1, 999).Select(i => $"  s{i}: {{ uses: prepare, needs: [s{i - 1}] }}");

        Assert.Equal(1000, Given.Parse($"stages:\n  s0: {{ uses: prepare }}\n{string.Join('\n', chain)}\n").Stages.Count);
    }
}
