using Airbench.Pipeline;

namespace Airbench.Tests;

public class PlanTests
{
    [Fact]
    public void The_first_time_every_stage_runs_in_the_order_of_the_file()
    {
        using var root = new TemporaryFolder();

        var plan = PipelinePlan.Make(Given.Parse(Given.Yaml), new RunOptions { Root = root.Path });

        Assert.Equal(
            """
            prepare: Run data/demo (no earlier result)
            train: Run models/demo (no earlier result; follows prepare)
            export: Run exports/demo (no earlier result; follows train)
            evaluate: Run runs/demo/RUN/evaluate (no earlier result; follows prepare and export)
            """,
            Show(plan));
        Assert.Empty(Directory.GetFileSystemEntries(root.Path));
    }

    [Fact]
    public void A_file_in_another_order_is_put_in_one_that_works_and_keeps_the_rest_of_its_order()
    {
        var plan = PipelinePlan.Make(
            Given.Parse("stages:\n  t: { uses: train, needs: [p] }\n  other: { uses: prepare, with: { name: o } }\n  p: { uses: prepare }"),
            new RunOptions { Root = "." });

        Assert.Equal(["other", "p", "t"], plan.Rows.Select(r => r.Stage.Key));
    }

    [Fact]
    public void From_runs_a_stage_and_its_dependants_and_opens_what_they_need()
    {
        using var root = new TemporaryFolder();
        Whole(root, "data", "demo");
        Whole(root, "models", "demo");

        var plan = PipelinePlan.Make(Given.Parse(Given.Yaml), new RunOptions { Root = root.Path, From = "export" });

        Assert.Equal(
            """
            prepare: UseExisting data/demo (--from export: artifact of an earlier run in data/demo)
            train: UseExisting models/demo (--from export: artifact of an earlier run in models/demo)
            export: Run exports/demo (--from export: named)
            evaluate: Run runs/demo/RUN/evaluate (--from export: depends on it)
            """,
            Show(plan));
        Assert.Equal(new Network(root.File("models", "demo")), plan.Rows[1].Existing);
    }

    [Fact]
    public void Only_runs_one_stage_and_skips_what_it_does_not_need()
    {
        using var root = new TemporaryFolder();
        Whole(root, "models", "demo");

        var plan = PipelinePlan.Make(Given.Parse(Given.Yaml), new RunOptions { Root = root.Path, Only = "export" });

        Assert.Equal(
            """
            prepare: Skip data/demo (--only export: no stage that runs needs it)
            train: UseExisting models/demo (--only export: artifact of an earlier run in models/demo)
            export: Run exports/demo (--only export: named)
            evaluate: Skip runs/demo/RUN/evaluate (--only export: no stage that runs needs it)
            """,
            Show(plan));
    }

    [Fact]
    public void Missing_artifacts_are_all_named_with_the_command_that_makes_each()
    {
        using var root = new TemporaryFolder();
        var options = new RunOptions { Root = root.Path, From = "export" };

        var error = Assert.Throws<ConfigurationException>(() => PipelinePlan.Make(Given.Parse(Given.Yaml, "seed=4"), options));

        Assert.Equal(
            """
            --from export needs the Pictures of stage 'prepare' in data/demo: FOLDER/data/demo/manifest.txt: does not exist. MAKE prepare
            --from export needs the Network of stage 'train' in models/demo: FOLDER/models/demo/manifest.txt: does not exist. MAKE train
            """,
            error.Message.Replace(root.Path, "FOLDER", StringComparison.Ordinal).Replace('\\', '/')
                .Replace("Make it with: airbench run pipeline.yaml --set seed=4 --only", "MAKE", StringComparison.Ordinal));
        Assert.Empty(Directory.GetFileSystemEntries(root.Path));
    }

    [Theory]
    [InlineData("trian", null, "--from trian: there is no such stage (did you mean 'train'?); stages: prepare, train, export, evaluate")]
    [InlineData(null, "x", "--only x: there is no such stage; stages: prepare, train, export, evaluate")]
    [InlineData("train", "export", "found --from train and --only export; expected one of the two")]
    public void A_selection_that_makes_no_sense_is_refused(string? from, string? only, string expected)
    {
        var options = new RunOptions { Root = ".", From = from, Only = only };

        Assert.Equal(expected, Assert.Throws<ConfigurationException>(() => PipelinePlan.Make(Given.Parse(Given.Yaml), options)).Message);
    }

    [Fact]
    public void An_artifact_in_the_folder_of_another_run_cannot_be_taken()
    {
        var pipeline = Given.Parse(Given.Yaml + "\n  after: { uses: prepare, needs: [evaluate], with: { name: after } }");
        var options = new RunOptions { Root = ".", Only = "after" };

        var error = Assert.Throws<ConfigurationException>(() => PipelinePlan.Make(pipeline, options)).Message.Replace('\\', '/');

        Assert.Contains("'evaluate' in runs/demo/RUN/evaluate: it is stored in the folder of its own run", error, StringComparison.Ordinal);
    }

    private static void Whole(TemporaryFolder root, params string[] parts)
    {
        Directory.CreateDirectory(root.File(parts));
        File.WriteAllText(root.File([.. parts, FakeKinds.ManifestName]), "");
    }

    private static string Show(PipelinePlan plan) =>
        string.Join('\n', plan.Rows.Select(r => $"{r.Stage.Key}: {r.Action} {r.Folder} ({r.Why})")).Replace('\\', '/');
}
