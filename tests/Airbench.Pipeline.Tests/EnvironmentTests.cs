using Airbench.Pipeline;
using CsCheck;

namespace Airbench.Tests;

/// <summary><c>${env:NAME}</c>: taken into options, never into anything that is written.</summary>
public class EnvironmentTests
{
    private const string Secret = "s3cret/of a \"user\"";

    private static readonly Dictionary<string, string?> Variables = new()
    {
        ["EPOCHS"] = "2.5",
        ["SEED"] = "7",
        ["PRICE"] = "1.5",
        ["DEVICE"] = "cpu",
        ["NOTE"] = Secret,
        ["PART"] = "part",
        ["WIDTH"] = "32",
        ["NESTEROV"] = "off",
        ["GATE"] = "0.75",
        ["EMPTY"] = "",
    };

    private const string Yaml = """
        name: demo
        seed: ${env:SEED}
        device: ${env:DEVICE}
        usd_per_hour: ${env:PRICE}
        env: [EPOCHS, SEED, PRICE, DEVICE, NOTE, PART, WIDTH, NESTEROV, GATE, EMPTY]
        stages:
          prepare:
            uses: prepare
          train:
            uses: train
            needs: [prepare]
            with:
              epochs: ${env:EPOCHS}
              widths: [4, "${env:WIDTH}"]
              notes: [plain, "a ${env:NOTE}, b ${env:PART}", '${env:EMPTY}', "$${env:NOTE}", "$$$${", "$ {"]
              optimizer: { lr: "${env:WIDTH}", nesterov: '${env:NESTEROV}' }
          export:
            uses: export
            needs: [train]
            with: { variants: "${env:PART}" }
          evaluate:
            uses: evaluate
            needs: [prepare, export]
            with:
              gates: { accuracy_min: "${env:GATE}" }
        """;

    [Fact]
    public void Values_of_every_type_are_taken_from_the_environment()
    {
        var pipeline = Parse(Yaml);

        Assert.Equal((7, "cpu", 1.5), (pipeline.Seed, pipeline.Device, pipeline.UsdPerHour));
        var train = pipeline.Options<TrainOptions>("train");
        Assert.Equal(2.5, train.Epochs);
        Assert.Equal([4, 32], train.Widths);
        Assert.Equal(["plain", $"a {Secret}, b part", "", "${env:NOTE}", "$${", "$ {"], train.Notes);
        Assert.Equal(new OptimizerOptions { Lr = 32, Nesterov = false }, train.Optimizer);
        Assert.Equal(["part"], pipeline.Options<ExportOptions>("export").Variants);
        Assert.Equal(0.75, pipeline.Options<EvaluateOptions>("evaluate").Gates["accuracy_min"]);
    }

    [Fact]
    public void The_resolved_file_keeps_what_was_written_and_runs_again_as_it_is()
    {
        var pipeline = Parse(Yaml);

        var text = ResolvedYaml.Write(pipeline);

        Assert.DoesNotContain("s3cret", text, StringComparison.Ordinal);
        Assert.Contains(
            """
            seed: "${env:SEED}"
            device: "${env:DEVICE}"
            usd_per_hour: "${env:PRICE}"
            tracking: []
            env: [EPOCHS, SEED, PRICE, DEVICE, NOTE, PART, WIDTH, NESTEROV, GATE, EMPTY]
            """,
            text, StringComparison.Ordinal);
        Assert.Contains("epochs: \"${env:EPOCHS}\"\n", text, StringComparison.Ordinal);
        Assert.Contains("""notes: [plain, "a ${env:NOTE}, b ${env:PART}", "${env:EMPTY}", "$${env:NOTE}", "$$$${", "$ {"]""", text, StringComparison.Ordinal);
        var again = Parse(text);
        Assert.Equal(text, ResolvedYaml.Write(again));
        Assert.Equal(pipeline.Options<TrainOptions>("train").Notes, again.Options<TrainOptions>("train").Notes);
        Assert.Equal(pipeline.Seed, again.Seed);
    }

    [Fact]
    public void A_fingerprint_changes_with_the_value_and_does_not_show_it()
    {
        var (one, two) = (Parse(Yaml).Environment, PipelineFile.Parse(
            Yaml, "pipeline.yaml", new FakeKinds().All, [], environment: name => name == "NOTE" ? Secret + "!" : Variables.GetValueOrDefault(name)).Environment);

        Assert.Matches(@"^a \$\{env:NOTE\}#[0-9a-f]{8}$", one.Fingerprint($"a {Secret}"));
        Assert.NotEqual(one.Fingerprint(Secret), two.Fingerprint(Secret + "!"));
        Assert.Equal("nothing", one.Fingerprint("nothing"));
    }

    [Fact]
    public void A_set_takes_references_too()
    {
        var pipeline = PipelineFile.Parse(
            Given.Yaml.Replace("seed: 3", "env: NOTE", StringComparison.Ordinal), "pipeline.yaml", new FakeKinds().All,
            ["train.with.notes=[\"${env:NOTE}\"]"], environment: Variables.GetValueOrDefault);

        Assert.Equal([Secret], pipeline.Options<TrainOptions>("train").Notes);
        Assert.DoesNotContain("s3cret", pipeline.Command, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("epochs: ${env:HIDDEN}", "pipeline.yaml:13:15: train.with.epochs: found ${env:HIDDEN}, which is not declared; add at the top: env: [HIDDEN]")]
    [InlineData("epochs: ${env:EPOCH}", "pipeline.yaml:13:15: train.with.epochs: found ${env:EPOCH}, which is not declared (did you mean 'EPOCHS'?); add at the top: env: [EPOCH]")]
    [InlineData("epochs: ${env:NOTE}", "pipeline.yaml:13:15: train.with.epochs: found '${env:NOTE}' with a value that does not fit; expected a number")]
    [InlineData("epochs: ${env:EMPTY}", "pipeline.yaml:13:15: train.with.epochs: found '${env:EMPTY}' with a value that does not fit; expected a number")]
    [InlineData("tta: ${env:NOTE}", "pipeline.yaml:13:12: train.with.tta: found '${env:NOTE}' with a value that does not fit; expected one of none, mirror, mirror_translate, adaptive")]
    [InlineData("epochs: ${HOME}/x", "pipeline.yaml:13:15: train.with.epochs: found '${HOME}/x'; expected ${env:NAME}, the only thing that is replaced here, or $${ for the text ${")]
    [InlineData("epochs: ${env:}", "pipeline.yaml:13:15: train.with.epochs: found '${env:}'; expected ${env:NAME}, the only thing that is replaced here, or $${ for the text ${")]
    [InlineData("epochs: $$${env:A-B}", "pipeline.yaml:13:15: train.with.epochs: found '${env:A-B}'; expected ${env:NAME}, the only thing that is replaced here, or $${ for the text ${")]
    public void A_reference_that_cannot_be_taken_is_refused_where_it_stands(string line, string message) =>
        Assert.Equal(message, Assert.Throws<ConfigurationException>(() => Parse(Yaml.Replace("epochs: ${env:EPOCHS}", line, StringComparison.Ordinal))).Message);

    [Fact]
    public void A_reference_without_quotes_in_flow_style_gets_the_advice_to_quote_it() =>
        Assert.EndsWith(
            "inside of [ ] and { } a reference needs quotes: \"${env:NAME}\"",
            Assert.Throws<ConfigurationException>(() => Parse(Yaml.Replace("\"${env:GATE}\"", "${env:GATE}", StringComparison.Ordinal))).Message,
            StringComparison.Ordinal);

    [Fact]
    public void A_variable_that_is_not_set_is_refused_where_it_is_used() =>
        Assert.Equal(
            "pipeline.yaml:13:15: train.with.epochs: the environment variable EPOCHS is not set; expected a value (export EPOCHS=...)",
            Assert.Throws<ConfigurationException>(() => PipelineFile.Parse(
                Yaml, "pipeline.yaml", new FakeKinds().All, [], environment: name => name == "EPOCHS" ? null : Variables.GetValueOrDefault(name))).Message);

    [Theory]
    [InlineData("name: demo", "name: ${env:PART}", "pipeline.yaml:1:7: name: found '${env:PART}'; expected 1 to 64 of")]
    [InlineData("uses: export", "uses: ${env:PART}", "export.uses: found '${env:PART}'; expected one of")]
    [InlineData("device: ${env:DEVICE}", "device: ${env:NOTE}", "pipeline.yaml:3:9: device: found '${env:NOTE}' with a value that does not fit; expected auto")]
    [InlineData("env: [EPOCHS,", "env: [A B, EPOCHS,", "pipeline.yaml:5:6: env: found 'A B'; expected the name of an environment variable")]
    [InlineData("  prepare:\n    uses: prepare", "  prepare:\n    uses: prepare\n    with: { name: \"${env:PART}\" }", "pipeline.yaml:7:3: stage 'prepare': its folder would be named after the value of an environment variable")]
    public void Names_and_kinds_do_not_come_from_the_environment(string old, string replacement, string message)
    {
        var error = Assert.Throws<ConfigurationException>(() => Parse(Yaml.ReplaceLineEndings("\n").Replace(old, replacement, StringComparison.Ordinal))).Message;

        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_a_run_prints_and_saves_has_no_value_even_where_stages_speak_of_it(bool fails)
    {
        using var folder = new TemporaryFolder();
        var kinds = new FakeKinds
        {
            During = context =>
            {
                context.Progress.Info($"read {Secret}");
                context.Progress.Warn($"odd: {Secret}");
                using (var task = context.Progress.Start($"decode {Secret}", 1, "images"))
                {
                    task.Report(1, Secret);
                }

                if (fails)
                {
                    throw new DataException($"{Secret}: does not exist");
                }
            },
        };
        var progress = new ProgressLines();
        var pipeline = PipelineFile.Parse(Yaml, "pipeline.yaml", kinds.All, [], environment: Variables.GetValueOrDefault);

        var report = PipelineRunner.Run(pipeline, new RunOptions { Root = folder.Path }, progress, TimeProvider.System, CancellationToken.None);

        Assert.Equal(fails ? RunStatus.Failed : RunStatus.Ok, report.Status);
        Assert.Contains("warn odd: ${env:NOTE}", progress.Lines);
        if (fails)
        {
            Assert.Equal("${env:NOTE}: does not exist", report.Stages[0].Error);
        }

        var written = Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories).Select(File.ReadAllText);
        Assert.All([.. written, .. progress.Lines], text => Assert.DoesNotContain("s3cret", text, StringComparison.Ordinal));
    }

    /// <summary>Programs speak of a path in other forms than it was given in.</summary>
    [Theory]
    [InlineData("photos-of-ann/2024")]
    [InlineData("photos-of-ann/2024/")]
    public void A_value_that_is_a_path_is_hidden_in_every_form_that_it_takes(string below)
    {
        using var folder = new TemporaryFolder();
        var (root, value) = (folder.File("work"), folder.File(below));
        Directory.CreateDirectory(root);
        folder.Write("photos-of-ann/2024/1.png", "a"u8);
        var kinds = new FakeKinds
        {
            TrainReads = [value],
            During = context =>
            {
                context.Progress.Info($"read {value}, {Path.GetRelativePath(context.Root, value)} and {Path.GetFullPath(value)}/1.png");
                context.Progress.Warn($"odd: {Path.GetRelativePath(Directory.GetCurrentDirectory(), value)}");
                if (context.Name == "evaluate")
                {
                    throw new DataException($"{Path.GetRelativePath(context.Root, value).TrimEnd('/')}/1.png: is no image");
                }
            },
        };
        var progress = new ProgressLines();
        var pipeline = PipelineFile.Parse(
            Yaml, "pipeline.yaml", kinds.All, [], environment: name => name == "NOTE" ? value : Variables.GetValueOrDefault(name));
        var options = new RunOptions { Root = root };

        var report = PipelineRunner.Run(pipeline, options, progress, TimeProvider.System, CancellationToken.None);
        RunRecorder.Write(pipeline, root, report);
        folder.Write("photos-of-ann/2024/2.png", "b"u8);
        var plan = PipelinePlan.Make(pipeline, options).Rows.Select(row => $"{row.Stage.Key}: {row.Why}").ToList();

        Assert.Equal("${env:NOTE}/1.png: is no image", report.Stages[^1].Error);
        Assert.Contains("warn odd: ${env:NOTE}", progress.Lines.Select(line => line.TrimEnd('/')));
        Assert.Matches(@"train: \$\{env:NOTE\}#[0-9a-f]{8}/? changed", plan[1]);
        string[] written = [.. Directory.GetFiles(root, "*", SearchOption.AllDirectories).Select(File.ReadAllText), .. progress.Lines, .. plan];
        Assert.All(written, text => Assert.DoesNotContain("of-ann", text, StringComparison.Ordinal));
        Assert.Contains(Directory.GetFiles(root, "*", SearchOption.AllDirectories), file => Path.GetFileName(file) is "log.txt");
        Assert.Contains(Directory.GetFiles(root, "*", SearchOption.AllDirectories), file => Path.GetFileName(file) is "run.json");
        Assert.Contains(Directory.GetFiles(root, "*", SearchOption.AllDirectories), file => Path.GetFileName(file) is "demo.lock.yaml");
        Assert.Contains(Directory.GetFiles(root, "*", SearchOption.AllDirectories), file => Path.GetFileName(file) is "record.yaml");
    }

    /// <summary>Messages escape what cannot be seen, and so must what is looked for in them.</summary>
    [Fact]
    public void A_value_with_a_control_character_is_hidden_in_an_error()
    {
        const string Odd = "key\tof ann";
        var environment = PipelineFile.Parse(
            Yaml, "pipeline.yaml", new FakeKinds().All, [], environment: name => name == "NOTE" ? Odd : Variables.GetValueOrDefault(name)).Environment;
        Assert.Equal("${env:NOTE}: does not exist", environment.Hide(new DataException($"{Odd}: does not exist").Message));
    }

    [Fact]
    public void Any_text_of_dollars_and_braces_is_written_so_that_it_is_read_as_itself()
    {
        var texts = Gen.OneOf("$", "{", "${", "$${", "}", "env:PART", "${env:PART}", "a").Array[0, 8].Select(string.Concat);
        foreach (var notes in texts.Array[1, 3].Cases(2000))
        {
            var pipeline = Given.Parse(Given.Yaml);
            var stages = pipeline.Stages.ToArray();
            stages[1] = stages[1] with { Options = new TrainOptions { Notes = notes } };

            var again = Parse(ResolvedYaml.Write(pipeline with { Stages = stages }));

            Assert.Equal(notes, again.Options<TrainOptions>("train").Notes);
        }
    }

    private static PipelineDefinition Parse(string text) =>
        PipelineFile.Parse(text, "pipeline.yaml", new FakeKinds().All, [], environment: Variables.GetValueOrDefault);
}
