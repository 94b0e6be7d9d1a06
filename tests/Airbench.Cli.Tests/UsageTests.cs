using System.CommandLine;
using Airbench.Cli;

namespace Airbench.Tests;

/// <summary>Mistakes of a user: exit code 2, a sentence, no stack trace, nothing written.</summary>
public sealed class UsageTests : IDisposable
{
    private readonly Workplace _place = new Workplace().With("pipeline.yaml", Workplace.SmallPipeline);

    public void Dispose() => _place.Dispose();

    [Fact]
    public void All_errors_of_a_pipeline_come_at_once_with_line_and_column_and_nothing_runs()
    {
        _place.With("bad.yaml", Workplace.SmallPipeline.Replace("epochs: 1", "epoch: 1", StringComparison.Ordinal).Replace("device: cpu", "device: gpu", StringComparison.Ordinal));
        var (code, _, errors) = _place.Run("run", "bad.yaml");
        Assert.Equal(2, code);
        Assert.Contains("bad.yaml:2:9:", errors, StringComparison.Ordinal);
        Assert.Contains("bad.yaml:10:13:", errors, StringComparison.Ordinal);
        Assert.Contains("'epochs'", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
        Assert.Equal(["bad.yaml", "pipeline.yaml"], Directory.GetFileSystemEntries(_place.Folder).Select(Path.GetFileName).Order());
    }

    [Theory]
    [InlineData("run", "--no-such-flag")]
    [InlineData("fly")]
    [InlineData("run", "missing.yaml")]
    [InlineData("run", "--set", "train.with.epochs=many")]
    [InlineData("run", "--only", "tune")]
    [InlineData("train", "--epochs", "1")]
    public void Bad_usage_exits_with_2_and_a_sentence(params string[] arguments)
    {
        var (code, _, errors) = _place.Run(arguments);
        Assert.Equal(2, code);
        Assert.NotEmpty(errors);
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("unknown command 'trian' (did you mean 'train'?); expected one of: init, run, ", "trian")]
    [InlineData("unknown command 'modle' (did you mean 'model'?); expected one of: train, model", "benchmark", "modle")]
    [InlineData("found no command; expected `airbench benchmark COMMAND`, one of: train, model", "benchmark")]
    [InlineData("unknown option '--sett' (did you mean '--set'?)", "run", "--sett", "train.with.epochs=2")]
    [InlineData("unknown option '--demmo' (did you mean '--demo'?)", "run", "--demmo")]
    [InlineData("unknown option '--bundel' (did you mean '--bundle'?)", "predict", "--bundel", "exports/small", "image.png")]
    [InlineData("unknown option '--datset' (did you mean '--dataset'?)", "train", "--datset=data/small")]
    [InlineData("unknown option '--nothing-like-it'", "train", "--nothing-like-it", "value")]
    [InlineData("unexpected argument '2'", "train", "--dataset", "x", "--epochs", "1", "2")]
    [InlineData("Option '--dataset' is required.", "train")]
    public void What_cannot_be_understood_is_named_with_what_was_probably_meant(string sentence, params string[] arguments) =>
        Assert.StartsWith(sentence, Assert.Single(Usage.Problems(CommandLine.Create().Parse(arguments))), StringComparison.Ordinal);

    [Theory]
    [InlineData("evaluate", "evaluate: with these options needs a prepared data set: --dataset data/NAME or --data", "evaluate: with these options needs an exported model: --bundle exports/NAME or --model")]
    [InlineData("finetune", "finetune: with these options needs an exported model: --bundle exports/NAME or --model", "finetune: with these options needs a prepared data set: --dataset data/NAME or --data")]
    public void An_input_that_is_missing_is_named_with_its_flag(string verb, params string[] sentences)
    {
        var (code, _, errors) = _place.Run(verb);
        Assert.Equal((2, string.Join('\n', sentences)), (code, errors.TrimEnd()));
    }

    [Fact]
    public void A_folder_of_photos_in_the_place_of_a_prepared_set_comes_with_the_command_that_prepares_it()
    {
        Directory.CreateDirectory(_place["my photos/cat"]);
        var (code, _, errors) = _place.Run("train", "--dataset", "my photos");
        Assert.Equal(2, code);
        Assert.Equal(
            "--dataset my photos: has no dataset.json; expected the folder of a prepared data set. "
            + "If it holds your images: `airbench prepare --source folder --path 'my photos'` makes one in data/\n",
            errors.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void A_name_alone_finds_the_folder_that_was_meant()
    {
        Directory.CreateDirectory(_place["exports/small"]);
        File.WriteAllText(_place["exports/small/metadata.json"], "{}");
        Assert.Contains("--bundle small: does not exist; expected the folder of an exported model (did you mean 'exports/small'?)", _place.Run("evaluate", "--bundle", "small", "--data", "x").Errors, StringComparison.Ordinal);
    }

    /// <summary>Every verb that takes a bundle says the same of what is none, as bad usage.</summary>
    [Theory]
    [InlineData("--bundle", "predict", "a.png", "--bundle")]
    [InlineData("--bundle", "evaluate", "--data", "x", "--bundle")]
    [InlineData("verify", "verify")]
    public void What_is_no_bundle_is_named_with_what_it_is_and_what_was_meant(string place, params string[] before)
    {
        Write("data/small/dataset.json");
        Write("exports/small/metadata.json");
        Write("exports/small/model.onnx");
        Directory.CreateDirectory(_place["empty"]);

        Says("none", "does not exist; expected the folder of an exported model");
        Says("data/small", "is the folder of a prepared data set; expected the folder of an exported model");
        Says("empty", "has no metadata.json; expected the folder of an exported model");
        Says("exports/small/model.onnx", $"is a file; expected the folder of an exported model (did you mean '{_place["exports/small"]}'?)");

        void Write(string file)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_place[file])!);
            File.WriteAllText(_place[file], "{}");
        }

        void Says(string folder, string sentence)
        {
            var parsed = CommandLine.Create().Parse([.. before, _place[folder]]);
            var error = Assert.Throws<ConfigurationException>(() => parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false }));
            Assert.StartsWith($"{place} {_place[folder]}: {sentence}", error.Message, StringComparison.Ordinal);
            Assert.Equal(ExitCode.BadUsage, error.ExitCode);
        }
    }

    [Fact]
    public void Cuda_is_never_replaced_by_the_cpu_in_silence()
    {
        Assert.SkipWhen(File.Exists("/dev/nvidia0"), "this machine has a GPU");
        var (code, _, errors) = _place.Run("run", "--set", "device=cuda");
        Assert.Equal(1, code);
        Assert.Contains("libtorch sees no CUDA device", errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_place["models/small"]));
    }

    [Fact]
    public void Verbose_adds_the_stack_trace() =>
        Assert.Contains("   at ", _place.Run("run", "missing.yaml", "--verbose").Errors, StringComparison.Ordinal);

    [Fact]
    public void Validate_and_plan_do_no_work()
    {
        Assert.Equal(0, _place.Run("validate").ExitCode);
        var (code, output, _) = _place.Run("plan");
        Assert.Equal(0, code);
        Assert.All(["prepare", "train", "export", "evaluate"], stage => Assert.Contains($"| {stage} ", output, StringComparison.Ordinal));
        Assert.Single(Directory.GetFileSystemEntries(_place.Folder));
    }

    [Fact]
    public void Doctor_shows_how_torchsharp_was_loaded()
    {
        var (code, output, errors) = _place.Run("doctor");
        Assert.True(code == 0, output + errors);
        Assert.Contains("libtorch 2.10.", output, StringComparison.Ordinal);
        Assert.Contains("CPUExecutionProvider", output, StringComparison.Ordinal);
        if (OperatingSystem.IsLinux() && !SystemHasGcc13())
        {
            Assert.Contains("asks for GLIBCXX_3.4.32", output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_committed_schema_is_the_one_that_the_program_prints() =>
        Assert.Equal(File.ReadAllText(Path.Combine(Workplace.Repository, "pipeline.schema.json")), _place.Run("schema").Output);

    /// <summary>GCC 13's libstdc++ is 6.0.32; the loader's cache knows where the system's lies.</summary>
    private static bool SystemHasGcc13()
    {
        using var cache = System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo("/sbin/ldconfig", "-p") { RedirectStandardOutput = true })!;
        var line = cache.StandardOutput.ReadToEnd().Split('\n').First(entry => entry.Contains("libstdc++.so.6", StringComparison.Ordinal));
        var library = new FileInfo(line[(line.LastIndexOf(' ') + 1)..]).ResolveLinkTarget(returnFinalTarget: true)!.Name;
        return int.Parse(library.Split('.')[^1], System.Globalization.CultureInfo.InvariantCulture) >= 32;
    }
}
