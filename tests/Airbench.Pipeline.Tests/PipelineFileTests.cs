using Airbench.Pipeline;

namespace Airbench.Tests;

public class PipelineFileTests
{
    [Fact]
    public void A_pipeline_is_read_into_typed_options_with_defaults_for_the_rest()
    {
        var pipeline = Given.Parse(Given.Yaml);

        Assert.Equal(("demo", 3, "cpu"), (pipeline.Name, pipeline.Seed, pipeline.Device));
        Assert.Equal(["prepare", "train", "export", "evaluate"], pipeline.Stages.Select(s => s.Key));
        Assert.Equal(["prepare", "export"], pipeline.Stages[3].Needs);
        Assert.Equal(new PrepareOptions { Source = Source.Synthetic }, pipeline.Options<PrepareOptions>("prepare"));
        Assert.Equal(2.0, pipeline.Options<TrainOptions>("train").Epochs);
        Assert.Equal(["fp32", "fp16"], pipeline.Options<ExportOptions>("export").Variants);
        Assert.Equal(Tta.MirrorTranslate, pipeline.Options<EvaluateOptions>("evaluate").Tta);
        Assert.Equal(0.9, pipeline.Options<EvaluateOptions>("evaluate").Gates["accuracy_min"]);
        Assert.Equal(new SourcePosition("pipeline.yaml", 8, 3), pipeline.Stages[1].Position);
    }

    [Fact]
    public void Name_seed_device_needs_and_with_may_be_absent()
    {
        var pipeline = Given.Parse("stages:\n  p:\n    uses: prepare\n    needs:\n    with:\n");

        Assert.Equal(("pipeline", 1, "auto"), (pipeline.Name, pipeline.Seed, pipeline.Device));
        Assert.Equal(new PrepareOptions(), pipeline.Options<PrepareOptions>("p"));
    }

    [Fact]
    public void A_group_that_is_written_in_part_keeps_the_stages_own_defaults_for_the_rest()
    {
        var options = Given.Parse(Given.Yaml, "train.with.optimizer={ nesterov: false }").Options<TrainOptions>("train");

        Assert.Equal(new OptimizerOptions { Lr = 3, Nesterov = false }, options.Optimizer);   // 3 is the stage's, 11.5 the group's
        Assert.Equal(new OptimizerOptions { Lr = 3 }, new TrainOptions().Optimizer);
    }

    [Fact]
    public void All_problems_are_told_at_once_in_the_order_of_the_file()
    {
        const string Text = """
            name: Demo
            sede: 3
            device: gpu
            stages:
              prepare:
                uses: prepare
                with: { source: synthetik, image_size: 8 }
              small:
                uses: prepare
                with: { image_size: 8 }
              train:
                uses: trian
                needs: [prepare, missing]
              export:
                uses: export
                needs: [prepare]
                epochs: 1
                with:
                  variants: { fp32: 1 }
                  verbose: yes
              evaluate:
                uses: evaluate
                needs: [prepare]
                with:
                  gates: { accuracy_min: high, other: .nan }
            """;

        Assert.Equal(
            """
            pipeline.yaml:1:7: name: found 'Demo'; expected 1 to 64 of a-z, 0-9, '_', '-' and '.', starting with a letter or digit
            pipeline.yaml:2:1: pipeline: unknown key 'sede' (did you mean 'seed'?); known keys: name, seed, device, usd_per_hour, tracking, env, stages
            pipeline.yaml:3:9: device: found 'gpu'; expected auto, cpu, cuda or cuda:N
            pipeline.yaml:7:21: prepare.with.source: found 'synthetik' (did you mean 'synthetic'?); expected one of cifar10, synthetic
            pipeline.yaml:10:13: small.with.image_size: found 8; expected 16 to 1024
            pipeline.yaml:12:11: train.uses: found 'trian' (did you mean 'train'?); expected one of prepare, train, export, evaluate
            pipeline.yaml:13:22: train.needs: there is no stage 'missing'; stages: prepare, small, train, export, evaluate
            pipeline.yaml:16:5: stage 'export' (uses export) needs a Network: add a train stage, and its name to needs
            pipeline.yaml:17:5: export: unknown key 'epochs'; known keys: uses, needs, with
            pipeline.yaml:19:17: export.with.variants: found a mapping; expected a list, each a text
            pipeline.yaml:20:7: export.with: unknown key 'verbose'; known keys: variants, name
            pipeline.yaml:23:5: stage 'evaluate' (uses evaluate) needs a Bundle: add 'export' to needs
            pipeline.yaml:25:30: evaluate.with.gates.accuracy_min: found 'high'; expected a number
            pipeline.yaml:25:43: evaluate.with.gates.other: found '.nan'; expected a finite number
            """,
            Given.Error(Text));
    }

    [Theory]
    [InlineData("epochs: two", "pipeline.yaml:4:20: t.with.epochs: found 'two'; expected a number")]
    [InlineData("epochs: \"2\"", "pipeline.yaml:4:20: t.with.epochs: found the quoted text '2'; expected a number, without quotes")]
    [InlineData("epochs: 1e999", "pipeline.yaml:4:20: t.with.epochs: found '1e999'; expected a finite number")]
    [InlineData("epochs: -.inf", "pipeline.yaml:4:20: t.with.epochs: found '-.inf'; expected a finite number")]
    [InlineData("epochs: '1,5'", "pipeline.yaml:4:20: t.with.epochs: found the quoted text '1,5'; expected a number, without quotes")]
    [InlineData("epochs: 0x10", "pipeline.yaml:4:20: t.with.epochs: found '0x10'; expected a number")]
    [InlineData("epochs:", "pipeline.yaml:4:20: t.with.epochs: found nothing; expected a number")]
    [InlineData("epochs: [1]", "pipeline.yaml:4:20: t.with.epochs: found a list; expected a number")]
    [InlineData("runs: 1.5", "pipeline.yaml:4:18: t.with.runs: found '1.5'; expected a whole number")]
    [InlineData("runs: 010", "pipeline.yaml:4:18: t.with.runs: found '010'; expected a whole number")]
    [InlineData(
        "runs: 3000000000",
        "pipeline.yaml:4:18: t.with.runs: found '3000000000'; expected a whole number from -2147483648 to 2147483647")]
    [InlineData(
        "max_images: 99999999999999999999",
        "pipeline.yaml:4:24: t.with.max_images: found '99999999999999999999'; "
        + "expected a whole number from -9223372036854775808 to 9223372036854775807")]
    [InlineData(
        "tta: Mirror",
        "pipeline.yaml:4:17: t.with.tta: found 'Mirror' (did you mean 'mirror'?); expected one of none, mirror, mirror_translate, adaptive")]
    [InlineData("tta: { a: 1 }", "pipeline.yaml:4:17: t.with.tta: found a mapping; expected one of none, mirror, mirror_translate, adaptive")]
    [InlineData("optimizer: { nesterov: yes }", "pipeline.yaml:4:35: t.with.optimizer.nesterov: found 'yes'; expected true or false (on or off)")]
    [InlineData("optimizer: { nesterov: True }", "pipeline.yaml:4:35: t.with.optimizer.nesterov: found 'True'; expected true or false (on or off)")]
    [InlineData("optimizer: adam", "pipeline.yaml:4:23: t.with.optimizer: found 'adam'; expected a mapping with the keys lr, nesterov")]
    [InlineData("optimizer: { lr: 0 }", "pipeline.yaml:4:25: t.with.optimizer.lr: found 0; expected more")]
    [InlineData("widths: [1, x, 3]", "pipeline.yaml:4:24: t.with.widths[1]: found 'x'; expected a whole number")]
    [InlineData("notes: [a, null]", "pipeline.yaml:4:23: t.with.notes[1]: found nothing; expected a text")]
    [InlineData("epoch: 3", "pipeline.yaml:4:12: t.with: unknown key 'epoch' (did you mean 'epochs'?); " + Given.TrainKeys)]
    [InlineData("is_short: true", "pipeline.yaml:4:12: t.with: unknown key 'is_short'; " + Given.TrainKeys)]
    public void A_value_that_does_not_fit_is_told_with_its_place_and_what_was_expected(string option, string expected)
    {
        var text = $"stages:\n  p: {{ uses: prepare }}\n  t: {{ uses: train, needs: [p],\n   with: {{ {option} }} }}";

        Assert.Equal(expected, Given.Error(text));
    }

    [Theory]
    [InlineData("decay: null", null)]
    [InlineData("decay: ~", null)]
    [InlineData("decay: .5", 0.5)]
    [InlineData("decay: 1.", 1.0)]
    [InlineData("decay: +1E-2", 0.01)]
    [InlineData("decay: -0", 0.0)]
    public void A_nullable_number_takes_null_and_every_decimal_form(string option, double? expected)
    {
        var pipeline = Given.Parse($"stages: {{ p: {{ uses: prepare }}, t: {{ uses: train, needs: [p], with: {{ {option} }} }} }}");

        Assert.Equal(expected, pipeline.Options<TrainOptions>("t").Decay);
    }

    [Fact]
    public void Words_that_other_readers_take_for_booleans_stay_texts()
    {
        var notes = Given.Parse(Given.Yaml, "train.with.notes=[no, yes, on, true, 1.0, \"null\"]").Options<TrainOptions>("train").Notes;

        Assert.Equal(["no", "yes", "on", "true", "1.0", "null"], notes);
    }

    [Theory]
    [InlineData("seed: -1", "seed: found -1; expected a whole number from 0 to 2147483647")]
    [InlineData("seed: 2147483648", "seed: found '2147483648'; expected a whole number from -2147483648 to 2147483647")]
    [InlineData("device: cuda:1234", "device: found 'cuda:1234'; expected auto, cpu, cuda or cuda:N")]
    [InlineData("device: CPU", "device: found 'CPU'; expected auto, cpu, cuda or cuda:N")]
    [InlineData("name: a/b", "name: found 'a/b'; expected 1 to 64 of a-z, 0-9, '_', '-' and '.', starting with a letter or digit")]
    [InlineData("name: ..", "name: found '..'; expected 1 to 64 of a-z, 0-9, '_', '-' and '.', starting with a letter or digit")]
    [InlineData("name: con.x", "name: found 'con.x', which Windows takes for a device; expected another name")]
    [InlineData("name: a.", "name: found 'a.'; expected a name without space around it or a dot at its end, which Windows drops")]
    [InlineData("name:", "name: found nothing; expected a text")]
    [InlineData("usd_per_hour: -0.5", "usd_per_hour: found -0.5; expected 0 or more US dollars an hour, or null")]
    [InlineData("usd_per_hour: .inf", "usd_per_hour: found '.inf'; expected a finite number")]
    [InlineData("tracking: wandb", "tracking: found 'wandb'; expected a list, each one of tensorboard")]
    [InlineData("tracking: [tensorboard, tensorboard]", "tracking: found a name twice; expected each at most once")]
    [InlineData("usd_per_hour: $2", "usd_per_hour: found '$2'; expected a number")]
    public void The_header_is_checked(string line, string expected)
    {
        var column = line.IndexOf(' ', StringComparison.Ordinal) is > 0 and var i ? i + 2 : line.Length + 1;

        Assert.Equal($"pipeline.yaml:1:{column}: {expected}", Given.Error($"{line}\nstages: {{ p: {{ uses: prepare }} }}"));
    }

    [Fact]
    public void A_missing_file_is_told_by_name()
    {
        var path = Path.Combine(Path.GetTempPath(), "no-such-folder", "p.yaml");

        var error = Assert.Throws<ConfigurationException>(() => PipelineFile.Load(path, new FakeKinds().All, []));

        Assert.Equal(
            $"{path}: there is no such file; expected a pipeline (airbench run FILE; without FILE it is pipeline.yaml)", error.Message);
        Assert.Equal(2, error.ExitCode);
    }

    [Fact]
    public void A_file_that_is_not_utf8_is_refused_and_a_byte_order_mark_is_not()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("latin.yaml"), [.. "name: caf"u8, 0xE9, .. "\n"u8]);
        File.WriteAllBytes(folder.File("mark.yaml"), [0xEF, 0xBB, 0xBF, .. "stages: { p: { uses: prepare } }"u8]);

        var error = Assert.Throws<ConfigurationException>(() => PipelineFile.Load(folder.File("latin.yaml"), new FakeKinds().All, []));

        Assert.StartsWith($"{folder.File("latin.yaml")}:1:10: found a byte that is not UTF-8", error.Message, StringComparison.Ordinal);
        Assert.Single(PipelineFile.Load(folder.File("mark.yaml"), new FakeKinds().All, []).Stages);
    }

    [Fact]
    public void A_folder_and_a_huge_file_are_refused()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("huge.yaml"), new byte[5_000_000]);

        var directory = Assert.Throws<ConfigurationException>(() => PipelineFile.Load(folder.Path, new FakeKinds().All, []));
        var huge = Assert.Throws<ConfigurationException>(() => PipelineFile.Load(folder.File("huge.yaml"), new FakeKinds().All, []));

        Assert.Equal($"{folder.Path}: found a folder; expected a file, for example {folder.File("pipeline.yaml")}", directory.Message);
        Assert.Equal($"{folder.File("huge.yaml")}:1:1: found 5000000 bytes; expected at most 1048576", huge.Message);
    }
}
