using Airbench.Pipeline;

namespace Airbench.Tests;

public class OverrideTests
{
    [Fact]
    public void Set_replaces_adds_and_reaches_into_groups_and_mappings()
    {
        var pipeline = Given.Parse(
            Given.Yaml, "name=other", "seed=9", "device=cuda:1", "train.with.epochs=0.5", "stages.train.with.optimizer.lr=7",
            "train.with.widths=[1, 2]", "evaluate.with.gates.accuracy_min=0.5", "prepare.with.name=x y", "train.with.second.lr=1");

        Assert.Equal(("other", 9, "cuda:1"), (pipeline.Name, pipeline.Seed, pipeline.Device));
        var train = pipeline.Options<TrainOptions>("train");
        Assert.Equal((0.5, 7.0), (train.Epochs, train.Optimizer.Lr));
        Assert.Equal(new OptimizerOptions { Lr = 1 }, train.Second);
        Assert.Equal([1, 2], train.Widths);
        Assert.Equal(0.5, pipeline.Options<EvaluateOptions>("evaluate").Gates["accuracy_min"]);
        Assert.Equal("x y", pipeline.Options<PrepareOptions>("prepare").Name);
    }

    [Fact]
    public void A_later_set_wins_and_the_file_is_not_blamed_for_what_was_replaced()
    {
        var broken = Given.Yaml.Replace("epochs: 2", "epochs: many", StringComparison.Ordinal);

        var pipeline = Given.Parse(broken, "train.with.epochs=1", "train.with.epochs=2");

        Assert.Equal(2, pipeline.Options<TrainOptions>("train").Epochs);
    }

    [Theory]
    [InlineData("seed", "--set seed: found no key=value; expected for example --set train.with.epochs=2")]
    [InlineData("=3", "--set =3: found no key=value; expected for example --set train.with.epochs=2")]
    [InlineData("seed=x", "--set seed=x: seed: found 'x'; expected a whole number")]
    [InlineData("seed=", "--set seed=: seed: found nothing; expected a whole number")]
    [InlineData("train.with.epochs=two", "--set train.with.epochs=two: train.with.epochs: found 'two'; expected a number")]
    [InlineData(
        "train.with.epoch=2",
        "--set train.with.epoch=2: train.with: unknown key 'epoch' (did you mean 'epochs'?); " + Given.TrainKeys)]
    [InlineData(
        "train.epochs=2",
        "--set train.epochs=2: train: found the option 'epochs' beside 'with'; expected it inside: train.with.epochs")]
    [InlineData("train=2", "--set train=2: found the path 'train'; expected for example train.with.<option>")]
    [InlineData(
        "trian.with.epochs=2",
        "--set trian.with.epochs=2: found 'trian' (did you mean 'train'?); "
        + "expected name, seed, device, usd_per_hour, tracking or a stage: prepare, train, export, evaluate")]
    [InlineData("stages={}", "--set stages={}: found 'stages'; expected name, seed, device, usd_per_hour, tracking or a stage: prepare, train, export, evaluate")]
    [InlineData(
        "train.with.epochs.x=2",
        "--set train.with.epochs.x=2: train.with.epochs is '2' at pipeline.yaml:12:15; expected a mapping to set 'x' in")]
    [InlineData(
        "train.with.widths.0=2",
        "--set train.with.widths.0=2: train.with.widths: found a mapping; expected a list, each a whole number")]
    [InlineData(
        "export.needs=[prepare]",
        "--set export.needs=[prepare]: stage 'export' (uses export) needs a Network: add 'train' to needs")]
    public void What_is_wrong_with_a_flag_is_told_with_the_flag(string set, string expected) =>
        Assert.Equal(expected, Given.Error(Given.Yaml, set));

    [Theory]
    [InlineData("train.with.widths=[1, 2")]
    [InlineData("name=*x")]
    [InlineData("name=a: b: c")]
    public void A_value_that_is_not_yaml_is_told_with_the_flag(string set) =>
        Assert.StartsWith($"--set {set}: ", Given.Error(Given.Yaml, set), StringComparison.Ordinal);

    [Fact]
    public void A_stage_name_may_hold_dots()
    {
        const string Text = "stages:\n  a: { uses: prepare }\n  a.with: { uses: prepare }";

        Assert.Equal(64, Given.Parse(Text, "a.with.with.image_size=64").Options<PrepareOptions>("a.with").ImageSize);
        Assert.Contains("expected it inside: a.with.with.image_size", Given.Error(Text, "a.with.image_size=64"), StringComparison.Ordinal);
    }

    [Fact]
    public void Overrides_by_kind_reach_every_stage_of_it_and_come_before_set()
    {
        IReadOnlyList<PipelineOverride> demo =
        [
            new("--demo", "with.source", "synthetic") { Uses = "prepare" },
            new("--demo", "seed", "5"),
        ];

        const string Text = "stages:\n  a: { uses: prepare }\n  b: { uses: prepare, with: { source: cifar10 } }";

        var pipeline = PipelineFile.Parse(Text, "p.yaml", new FakeKinds().All, ["seed=6"], demo);

        Assert.All(pipeline.Stages, stage => Assert.Equal(Source.Synthetic, ((PrepareOptions)stage.Options).Source));
        Assert.Equal(6, pipeline.Seed);
        Assert.Equal("airbench run p.yaml --demo --set seed=6", pipeline.Command);
    }

    [Fact]
    public void An_override_of_a_kind_that_no_stage_uses_is_a_problem()
    {
        var error = Assert.Throws<ConfigurationException>(() => PipelineFile.Parse(
            "stages: { a: { uses: prepare } }", "p.yaml", new FakeKinds().All, [], [new("--demo", "with.epochs", "1") { Uses = "train" }]));

        Assert.Equal("--demo: no stage uses 'train', whose with.epochs it sets", error.Message);
    }

    [Fact]
    public void The_command_is_quoted_for_a_shell() =>
        Assert.Equal(
            "airbench run pipeline.yaml --set 'prepare.with.name=it'\\''s'", Given.Parse(Given.Yaml, "prepare.with.name=it's").Command);
}
