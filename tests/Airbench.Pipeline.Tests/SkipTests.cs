using System.Text.RegularExpressions;
using Airbench.Pipeline;

namespace Airbench.Tests;

/// <summary>What is recorded, what is told, and what happens where a record or a result is not what it was.</summary>
public sealed class SkipTests : IDisposable
{
    private readonly TemporaryFolder _root = new();
    private readonly FakeTime _time = new();
    private readonly ProgressLines _progress = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void A_second_run_does_nothing_and_tells_what_came_out_before()
    {
        Run(new FakeKinds { During = _ => _time.Pass(1.5) });
        var kinds = new FakeKinds();

        var report = Run(kinds);

        Assert.Empty(kinds.Ran);
        Assert.Equal(RunStatus.Ok, report.Status);
        Assert.All(report.Stages, stage => Assert.Equal((RunStatus.Cached, "unchanged"), (stage.Status, stage.Why)));
        Assert.Equal((60_000, 2.0), (report.Stages[0].Result!.Items!.Value, report.Stages[0].Result!.WorkSeconds!.Value));
        Assert.Equal("a Score from Pictures and Bundle", report.Stages[3].Result!.Summary);
        Assert.Equal("whole", File.ReadAllText(Path.Combine(report.RunFolder, "evaluate", FakeKinds.ManifestName)));   // the new run has it too
        Assert.Equal(
            """
            20260102-030411,demo,prepare,prepare,cached,2026-01-02T03:04:11.000Z,0.000,,,,,,,,,,
            20260102-030411,demo,train,train,cached,2026-01-02T03:04:11.000Z,0.000,,,,,,,,,,
            20260102-030411,demo,export,export,cached,2026-01-02T03:04:11.000Z,0.000,,,,,,,,,,
            20260102-030411,demo,evaluate,evaluate,cached,2026-01-02T03:04:11.000Z,0.000,,,,,,,,,,

            """,
            string.Concat(File.ReadAllLines(Path.Combine(report.RunFolder, "timings.csv")).Skip(1).Select(line => line + "\n")));
        Assert.Contains("info evaluate: unchanged: a Score from Pictures and Bundle", _progress.Lines);
    }

    [Fact]
    public void The_lock_file_says_what_each_result_was_made_from()
    {
        Run(new FakeKinds(), sets: ["train.with.decay=1", "train.with.widths=[4, 8]"]);

        var text = File.ReadAllText(_root.File("demo.lock.yaml"));

        var train = text[text.IndexOf("\ntrain:", StringComparison.Ordinal)..text.IndexOf("\nexport:", StringComparison.Ordinal)];
        Assert.Equal(
            """

            train:
              key: HASH
              from:
                stage:
                  folder: models/demo
                  uses: train
                settings:
                  decay: 1
                  epochs: 2
                  max_images: 1099511627776
                  notes: "[]"
                  optimizer.lr: 5
                  optimizer.nesterov: true
                  runs: 1
                  widths: "[4, 8]"
                inputs:
                  Pictures/manifest.txt: HASH
                environment:
                  device: cpu
                  seed: 3
                versions:
                  Airbench.Onnx: VERSION
              outputs:
                manifest.txt: HASH
              result:
                summary: a Network from Pictures
                device: cpu
            """,
            Regex.Replace(train, "[0-9a-f]{64}", "HASH").Replace(Product.Version, "VERSION", StringComparison.Ordinal));
        Assert.DoesNotContain(_root.Path, text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plan_names_the_difference_that_decides()
    {
        Run(new FakeKinds());

        Assert.Equal(
            """
            prepare: Keep (unchanged)
            train: Run (epochs 2 -> 3; optimizer.lr 5 -> 4)
            export: Follow (follows train: runs where that makes something new)
            evaluate: Follow (follows export: runs where that makes something new)
            """,
            Plan("train.with.epochs=3", "train.with.optimizer={ lr: 4 }"));
        Assert.Equal(
            """
            prepare: Run (image_size 32 -> 64; seed 3 -> 4)
            train: Run (decay (none) -> 0.5; second.lr (none) -> 1; second.nesterov (none) -> true; and 1 more; follows prepare)
            export: Run (variants [fp32, fp16] -> [fp32]; seed 3 -> 4; follows train)
            evaluate: Run (seed 3 -> 4; follows prepare and export)
            """,
            Plan("prepare.with.image_size=64", "seed=4", "train.with.decay=0.5", "train.with.second={ lr: 1 }", "export.with.variants=[fp32]"));
    }

    /// <summary>Of a choice that a stage makes by itself, as that of the arithmetic: a measurement may come out otherwise the next time.</summary>
    [Fact]
    public void A_choice_that_changed_is_named_and_runs_nothing()
    {
        var asked = new List<string>();
        var kinds = new FakeKinds
        {
            TrainChange = folder =>
            {
                asked.Add(Path.GetRelativePath(_root.Path, folder));
                return "in bf16, and fp32 now";
            },
        };
        Run(kinds);
        Assert.Empty(asked);   // there was no earlier one
        kinds.Ran.Clear();

        Assert.Equal("unchanged; in bf16, and fp32 now", PlanOf(kinds).Rows[1].Why);
        Assert.Equal(["unchanged", "unchanged; in bf16, and fp32 now", "unchanged", "unchanged"], Run(kinds).Stages.Select(stage => stage.Why));
        Assert.Empty(kinds.Ran);
        Assert.Contains("info train: unchanged; in bf16, and fp32 now: a Network from Pictures", _progress.Lines);
        Assert.Equal("epochs 2 -> 3; in bf16, and fp32 now", PlanOf(kinds, "train.with.epochs=3").Rows[1].Why);
        Assert.Equal(Path.Combine("models", "demo"), Assert.Single(asked.Distinct()));

        asked.Clear();
        File.WriteAllText(_root.File("models", "demo", FakeKinds.ManifestName), "other");
        Assert.Equal("models/demo: manifest.txt changed; from the cache; in bf16, and fp32 now", PlanOf(kinds).Rows[1].Why);
        Assert.StartsWith(Path.Combine(".airbench", "cache"), Assert.Single(asked), StringComparison.Ordinal);   // it speaks of the one that comes back
    }

    [Fact]
    public void Results_of_earlier_settings_come_back_and_do_not_run()
    {
        Run(new FakeKinds());
        Run(new FakeKinds(), sets: "train.with.epochs=3");
        var kinds = new FakeKinds();

        var report = Run(kinds);

        Assert.Empty(kinds.Ran);
        Assert.Equal("epochs 3 -> 2; made by an earlier run", report.Stages[1].Why);   // the fake makes the same from both
        File.Delete(_root.File("models", "demo", FakeKinds.ManifestName));
        Assert.Equal("models/demo: manifest.txt is gone; from the cache", Run(kinds).Stages[1].Why);
        Assert.True(File.Exists(_root.File("models", "demo", FakeKinds.ManifestName)));
    }

    [Fact]
    public void A_damaged_result_that_is_not_in_the_cache_is_made_again()
    {
        Run(new FakeKinds());
        ResultStore.Prune(_root.Path, limit: 0);
        File.AppendAllText(_root.File("models", "demo", FakeKinds.ManifestName), "!");
        var kinds = new FakeKinds();

        var report = Run(kinds);

        Assert.Equal(["train", "evaluate"], kinds.Ran);
        Assert.Equal("models/demo: manifest.txt changed; not in the cache", report.Stages[1].Why);
        Assert.Equal("its earlier result is not in the cache any more", report.Stages[3].Why);
    }

    [Theory]
    [InlineData("data/demo/manifest.txt")]
    [InlineData("models/demo/manifest.txt")]
    public void Inputs_that_change_while_a_stage_runs_fail_it_and_nothing_is_recorded(string file)
    {
        var kinds = new FakeKinds
        {
            During = context => _ = context.Name == "export" ? Append(_root.File(file)) : 0,
        };
        const string Needs = "prepare, train";
        var text = Given.Yaml.Replace("needs: [train]", $"needs: [{Needs}]", StringComparison.Ordinal);

        var report = Run(kinds, text);

        Assert.Equal(RunStatus.Failed, report.Status);
        Assert.Equal(
            $"its inputs were changed while it ran: {file[..^13]}: manifest.txt changed. Its result is not recorded: run again when nothing changes them",
            report.Stages[2].Error);
        Assert.Equal(RunStatus.NotRun, report.Stages[3].Status);
        Assert.DoesNotContain("\nexport:", File.ReadAllText(_root.File("demo.lock.yaml")), StringComparison.Ordinal);
        var again = new FakeKinds();
        Assert.Equal(RunStatus.Ok, Run(again, text).Status);
        Assert.Equal(["export", "evaluate"], again.Ran);   // what was changed came back from the cache
    }

    [Fact]
    public void Force_runs_the_named_stages_and_what_they_change()
    {
        Run(new FakeKinds());
        var kinds = new FakeKinds();

        Assert.Equal("unchanged --force unchanged unchanged", string.Join(' ', Run(kinds, force: "train").Stages.Select(stage => stage.Why!.Split(':')[0])));
        Assert.Equal(["train"], kinds.Ran);
        Assert.Equal(
            "--force trian: there is no such stage (did you mean 'train'?); stages: prepare, train, export, evaluate",
            Assert.Throws<ConfigurationException>(() => Run(kinds, force: "trian")).Message);
    }

    [Fact]
    public void From_takes_an_artifact_as_it_is_and_a_later_run_puts_it_right()
    {
        Run(new FakeKinds());
        File.AppendAllText(_root.File("models", "demo", FakeKinds.ManifestName), " by hand");
        var kinds = new FakeKinds();

        Run(kinds, from: "export");
        Assert.Equal(["export", "evaluate"], kinds.Ran);
        Assert.Equal("unchanged; models/demo: manifest.txt changed; Network/manifest.txt changed",
            string.Join("; ", Run(kinds).Stages.Take(3).Select(stage => stage.Why!.Split("; from")[0].Split("; made")[0])));
        Assert.Equal("whole", File.ReadAllText(_root.File("models", "demo", FakeKinds.ManifestName)));
    }

    [Fact]
    public void A_stage_that_measures_time_always_runs()
    {
        var kinds = new FakeKinds { EvaluateAlwaysRuns = "it measures time" };
        Run(kinds);
        kinds.Ran.Clear();

        Assert.Equal("it measures time", Run(kinds).Stages[3].Why);
        Assert.Equal(["evaluate"], kinds.Ran);
    }

    [Fact]
    public void Without_a_record_every_stage_runs_and_nothing_is_left_behind()
    {
        var kinds = new FakeKinds();
        Run(kinds, keepRecord: false);
        Run(kinds, keepRecord: false);

        Assert.Equal(8, kinds.Ran.Count);
        Assert.False(File.Exists(_root.File("demo.lock.yaml")));
        Assert.Empty(ResultStore.List(_root.Path));
        Assert.False(File.Exists(_root.File(".airbench", "hashes")));
    }

    [Theory]
    [InlineData("epochs: 2", "epochs: 3", "the key does not match what is under 'from': edited by hand")]
    [InlineData("\n  outputs:\n    manifest.txt:", "\n  outputs:\n    ../manifest.txt:", "expected a path inside of the artifact")]
    [InlineData("    summary: a Network from Pictures\n", "", "'summary' is missing")]
    [InlineData("train:", "<<<<<<< ours\ntrain:", "not valid YAML")]
    public void A_lock_file_that_was_changed_by_hand_counts_for_nothing_and_the_plan_says_so(string old, string changed, string expected)
    {
        Run(new FakeKinds());
        ResultStore.Prune(_root.Path, limit: 0);
        var file = _root.File("demo.lock.yaml");
        File.WriteAllText(file, File.ReadAllText(file).Replace(old, changed, StringComparison.Ordinal));

        Assert.Matches($"^prepare: Run .no earlier result: demo.lock.yaml:[0-9]+:[0-9]+: .*{Regex.Escape(expected)}", Plan());
    }

    private static int Append(string file)
    {
        File.AppendAllText(file, "!");
        return 0;
    }

    private string Plan(params string[] sets) => string.Join('\n', PipelinePlan.Make(Given.Parse(Given.Yaml, sets), new RunOptions { Root = _root.Path })
        .Rows.Select(row => $"{row.Stage.Key}: {row.Action} ({row.Why})"));

    private PipelinePlan PlanOf(FakeKinds kinds, params string[] sets) =>
        PipelinePlan.Make(PipelineFile.Parse(Given.Yaml, "pipeline.yaml", kinds.All, sets), new RunOptions { Root = _root.Path });

    private RunReport Run(
        FakeKinds kinds, string text = Given.Yaml, string? from = null, string? force = null, bool keepRecord = true, params string[] sets) =>
        PipelineRunner.Run(
            PipelineFile.Parse(text, "pipeline.yaml", kinds.All, sets),
            new RunOptions { Root = _root.Path, From = from, Force = force is null ? [] : [force], KeepRecord = keepRecord },
            _progress, _time, CancellationToken.None);
}
