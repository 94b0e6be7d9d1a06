namespace Airbench.Tests;

/// <summary>A training that was stopped and goes on ends with the very same weights.</summary>
public sealed class CheckpointTests
{
    private static TrainOptions Options(string name, Precision precision = Precision.Fp32) => new TrainOptions
    {
        Recipe = name,
        Precision = precision,
        Threads = 2,
        ValidateEvery = 2,              // rows with and without a validation
        CheckpointEverySeconds = 1_000_000,   // written on being stopped alone
    }.Changing(recipe => recipe with
    {
        Widths = name == "resnet18" ? [8, 8, 16, 16] : [8, 16, 16],
        BatchSize = 32,
        Epochs = 3.4,   // 14 steps of 128 images
        WhitenBiasEpochs = name == "resnet18" ? recipe.WhitenBiasEpochs : 1.5,
        WhitenImages = 128,
    });

    [Theory]
    [InlineData("airbench94", Precision.Fp32, new[] { 1, 6, 13 })]
    [InlineData("airbench94", Precision.Bf16, new[] { 3 })]
    [InlineData("airbench94", Precision.Bf16Weights, new[] { 7 })]
    [InlineData("airbench94_muon", Precision.Fp32, new[] { 4, 8 })]
    [InlineData("airbench95", Precision.Fp32, new[] { 5 })]
    [InlineData("airbench96", Precision.Fp32, new[] { 10 })]
    [InlineData("airbench96_faster", Precision.Fp32, new[] { 20 })]   // 14 steps of the proxy come first
    [InlineData("speedrun2025", Precision.Fp32, new[] { 9 })]
    [InlineData("speedrun2026", Precision.Fp32, new[] { 5, 13 })]   // before the average of the tail starts, and within it
    [InlineData("speedrun2026", Precision.Bf16, new[] { 13 })]
    [InlineData("resnet18", Precision.Fp32, new[] { 4 })]
    public void It_ends_bit_identical_wherever_it_was_stopped(string recipe, Precision precision, int[] stops)
    {
        using var set = new TinySet(train: 128, test: 16);
        var options = Options(recipe, precision);
        var whole = set.Train(options, name: "whole");
        foreach (var stop in stops)
        {
            Stop(set, options, stop);
        }
        var proxySteps = options.ToRecipe().Proxy is null ? 0 : 14;
        var before = proxySteps + Json.Read<CheckpointState>(Path.Combine(set.ModelFolder() + ".checkpoint", "checkpoint.json")).Step;
        var progress = new RecordedProgress();
        var resumed = set.Train(options, progress: progress);
        Assert.Equal((before, before + 1), Steps(progress));
        Assert.Equal(whole.Manifest.WeightsSha256, resumed.Manifest.WeightsSha256);
        Assert.Equal(Curve(whole), Curve(resumed));
        Assert.False(Directory.Exists(set.ModelFolder() + ".checkpoint"));
    }

    [Fact]
    public void Stopped_in_the_second_of_three_runs_it_still_exports_the_first_and_reports_all()
    {
        using var set = new TinySet(train: 128, test: 16);
        var options = Options("airbench94") with { Runs = 3 };
        var whole = set.Train(options, name: "whole");
        Stop(set, options, 14 + 5);
        Stop(set, options, 28 + 1);
        var progress = new RecordedProgress();
        var resumed = set.Train(options, progress: progress);
        Assert.Equal((29, 30), Steps(progress));
        Assert.Equal(whole.Manifest.WeightsSha256, resumed.Manifest.WeightsSha256);
        Assert.Equal(Curve(whole), Curve(resumed));
        Assert.Equal(
            whole.Manifest.Runs.Select(run => run with { TrainSeconds = 0 }), resumed.Manifest.Runs.Select(run => run with { TrainSeconds = 0 }));
    }

    /// <summary>The machine was measured again in between, or is another one.</summary>
    [Theory]
    [InlineData(Precision.Bf16)]
    [InlineData(Precision.Fp32)]
    public void A_training_goes_on_in_the_arithmetic_of_its_checkpoint_also_where_auto_takes_the_other_now(Precision begun)
    {
        using var set = new TinySet(train: 128, test: 16);
        var auto = Wide(Precision.Auto);
        var whole = set.Train(Wide(begun), name: "whole");
        var (then, now) = begun == Precision.Bf16 ? (Taking(200, set), Taking(50, set)) : (Taking(50, set), Taking(200, set));
        using (var source = new CancellationTokenSource())
        {
            Assert.Throws<OperationCanceledException>(() => set.Train(auto, then, progress: new CancelAt(5, source), cancel: source.Token));
        }
        var progress = new RecordedProgress();
        var resumed = set.Train(auto, now, progress: progress);
        Assert.Equal((5, 6), Steps(progress));
        Assert.Equal(whole.Manifest.WeightsSha256, resumed.Manifest.WeightsSha256);
        var (other, chosen) = begun == Precision.Bf16 ? ("fp32", "bf16") : ("bf16", "fp32");
        Assert.Equal((chosen, now.Choose(whole.Manifest.Network, 2, progress).Rates), (resumed.Manifest.Precision, resumed.Manifest.Rates));
        Assert.Contains($"precision: the checkpoint is of {chosen}, and the training goes on in it; a new one would take {other} (--force)", progress.Infos);
    }

    [Fact]
    public void A_training_that_starts_anew_takes_what_auto_takes_now_and_says_what_was_measured()
    {
        using var set = new TinySet(train: 128, test: 16);
        var options = Wide(Precision.Auto);
        using (var source = new CancellationTokenSource())
        {
            Assert.Throws<OperationCanceledException>(() => set.Train(options, Taking(200, set), progress: new CancelAt(5, source), cancel: source.Token));
        }
        var progress = new RecordedProgress();
        var manifest = set.Train(options, Taking(50, set), progress: progress, startAnew: true).Manifest;
        Assert.Equal("fp32", manifest.Precision);
        Assert.Contains("precision: auto takes fp32: bf16 0.50 times as fast as fp32 (50 and 100 GFLOP/s a core) on Some CPU, measured 2026-01-31", progress.Infos);
        Assert.Equal(AutoPrecisionTests.Rates(50, 100), Json.Read<ModelManifest>(set.ModelFolder() + "/model.json").Rates);
        using var json = System.Text.Json.JsonDocument.Parse(File.ReadAllText(set.ModelFolder() + "/model.json"));
        Assert.Equal(0.5, json.RootElement.GetProperty("rates").GetProperty("ratio").GetDouble());
    }

    [Fact]
    public void A_checkpoint_of_other_settings_is_left_aside()
    {
        using var set = new TinySet(train: 128, test: 16);
        var options = Options("airbench94");
        Stop(set, options, 5);
        var other = options.Changing(recipe => recipe with { LabelSmoothing = 0.1 });
        Assert.Equal(set.Train(other, name: "whole").Manifest.WeightsSha256, set.Train(other).Manifest.WeightsSha256);
    }

    [Theory]
    [InlineData("checkpoint.safetensors")]
    [InlineData("checkpoint.json")]
    public void A_damaged_checkpoint_is_an_error_that_names_it_and_says_what_to_do(string name)
    {
        using var set = new TinySet(train: 128, test: 16);
        var options = Options("airbench94");
        Stop(set, options, 5);
        var file = Path.Combine(set.ModelFolder() + ".checkpoint", name);
        File.WriteAllBytes(file, File.ReadAllBytes(file)[..^100]);
        var message = Assert.Throws<InvalidFileException>(() => set.Train(options)).Message;
        Assert.Contains(file, message, StringComparison.Ordinal);
        Assert.Contains("Delete this folder", message, StringComparison.Ordinal);
        Directory.Delete(set.ModelFolder() + ".checkpoint", recursive: true);
        set.Train(options);
    }

    [Fact]
    public void One_changed_byte_anywhere_in_a_checkpoint_is_noticed()
    {
        using var set = new TinySet(train: 128, test: 16);
        var options = Options("airbench94");
        Stop(set, options, 5);
        var state = Path.Combine(set.ModelFolder() + ".checkpoint", "checkpoint.json");
        var key = Json.Read<CheckpointState>(state).Key;
        var meant = Json.Write(Json.Read<CheckpointState>(state));
        foreach (var file in Directory.GetFiles(set.ModelFolder() + ".checkpoint"))
        {
            var whole = File.ReadAllBytes(file);
            for (var i = 0; i < 12; i++)
            {
                var changed = whole.ToArray();
                changed[(int)((long)whole.Length * i / 12)] ^= 1;
                File.WriteAllBytes(file, changed);
                if (file == state && Means(file, meant))
                {
                    continue;   // the last of a number's 17 digits may change, and not the number
                }
                var message = Assert.Throws<InvalidFileException>(() => Find(set, options, key)).Message;
                Assert.StartsWith($"{set.ModelFolder()}.checkpoint: is a damaged checkpoint: ", message, StringComparison.Ordinal);
                Assert.Contains(file, message, StringComparison.Ordinal);
            }
            File.WriteAllBytes(file, whole);
        }
        Assert.Equal(set.Train(options, name: "whole").Manifest.WeightsSha256, set.Train(options).Manifest.WeightsSha256);   // nothing was lost

        static bool Means(string file, string state)
        {
            try
            {
                return Json.Write(Json.Read<CheckpointState>(file)) == state;
            }
            catch (InvalidFileException)
            {
                return false;
            }
        }
    }

    /// <summary>Right to the last checksum, and yet nothing that a training leaves.</summary>
    [Fact]
    public void A_checkpoint_with_numbers_that_cannot_be_is_refused_by_name()
    {
        using var set = new TinySet(train: 128, test: 16);
        var options = Options("airbench94");
        Stop(set, options, 5);   // of 14, 4 an epoch
        var folder = set.ModelFolder() + ".checkpoint";
        var file = Path.Combine(folder, "checkpoint.json");
        var state = Json.Read<CheckpointState>(file);
        var key = state.Key;
        Refused(state with { Step = 1_000_000_000 }, "step: 1000000000; expected less than the 14 steps of a run");
        Refused(state with { Step = 14 }, "step: 14; expected less than the 14 steps of a run");
        Refused(state with { Step = 9 }, "curve: 1 rows; expected one for each epoch that ended");
        Refused(state with { Step = 6 }, "meter.losses: 1; expected one for each step of the epoch");
        Refused(state with { Step = -1 }, "step: -1; expected 0 or more");
        Refused(state with { Seconds = -1 }, "seconds: -1; expected 0 or more");
        Refused(state with { Run = 1 }, "results: 0; expected 1, one for each run before this one");
        Refused(state with { Run = 1, Results = [new RunResult(7, 0.5, 0.5, 1, 14)] }, "results: of other seeds or steps than the runs have");
        Refused(state with { Meter = state.Meter with { Correct = 33 } }, "meter.correct: 33; expected at most the 32 examples");
        File.WriteAllText(file, Json.Write(state with { Sha256 = null }));
        Assert.Contains("its checksum differs", Assert.Throws<InvalidFileException>(() => Find(set, options, key)).Message, StringComparison.Ordinal);

        void Refused(CheckpointState changed, string problem)
        {
            File.WriteAllText(file, Json.Write(changed.Sealed(Path.Combine(folder, "checkpoint.safetensors"))));
            var message = Assert.Throws<InvalidFileException>(() => Find(set, options, key)).Message;
            Assert.Contains($"{problem}. Delete this folder", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_damaged_state_is_refused_and_never_a_crash()
    {
        using var set = new TinySet(train: 128, test: 16);
        Stop(set, Options("airbench94"), 5);
        var file = Path.Combine(set.ModelFolder() + ".checkpoint", "checkpoint.json");
        var key = Json.Read<CheckpointState>(file).Key;
        JsonFuzz.Refused(File.ReadAllText(file), cases: 200, damaged =>
        {
            File.WriteAllBytes(file, damaged);
            Find(set, Options("airbench94"), key);
        });
    }

    [Fact]
    public void One_who_starts_anew_gets_a_whole_training_and_its_own_seconds()
    {
        using var set = new TinySet(train: 128, test: 16);
        var options = Options("airbench94");
        Stop(set, options, 5);
        var file = Path.Combine(set.ModelFolder() + ".checkpoint", "checkpoint.json");
        var state = Json.Read<CheckpointState>(file) with { Seconds = 1e6 };
        File.WriteAllText(file, Json.Write(state.Sealed(Path.ChangeExtension(file, "safetensors"))));
        var progress = new RecordedProgress();
        var model = Trainer.Train(set.Dataset, options, set.ModelFolder(), "cpu", seed: 1, progress, CancellationToken.None, startAnew: true);
        Assert.InRange(model.Manifest.Runs[0].TrainSeconds, 0, 1e5);
        Assert.Contains("the checkpoint of an earlier attempt was removed: starting from the beginning", progress.Infos);
        Assert.Equal(set.Train(options, name: "whole").Manifest.WeightsSha256, model.Manifest.WeightsSha256);
        Assert.False(Directory.Exists(set.ModelFolder() + ".checkpoint"));
    }

    [Fact]
    public void A_checkpoint_of_a_later_run_than_asked_for_is_left_aside()
    {
        using var set = new TinySet(train: 128, test: 16);
        var options = Options("airbench94");
        Stop(set, options with { Runs = 3 }, 14 + 5);
        Assert.Single(set.Train(options).Manifest.Runs);
    }

    [Fact]
    public void A_model_that_is_complete_leaves_no_checkpoint_of_any_training()
    {
        using var set = new TinySet(train: 128, test: 16);
        Stop(set, Options("airbench94"), 5);
        set.Train(Options("airbench94") with { CheckpointEverySeconds = 0 });
        Assert.False(Directory.Exists(set.ModelFolder() + ".checkpoint"));
    }

    [Fact]
    public void Nothing_is_written_where_checkpoints_are_off()
    {
        using var set = new TinySet(train: 128, test: 16);
        Stop(set, Options("airbench94") with { CheckpointEverySeconds = 0 }, 5);
        Assert.False(Directory.Exists(set.ModelFolder() + ".checkpoint"));
    }

    /// <summary>What a training looks for first of all, without the training.</summary>
    private static void Find(TinySet set, TrainOptions options, string key)
    {
        using var checkpoint = Checkpoint.Open(set.ModelFolder(), key, TimeSpan.FromHours(1), IProgress.Silent);
        checkpoint.Find(TrainingPlan.For(options.ToRecipe(), trainCount: 128), seed: 1, runs: 2);
    }

    /// <summary>Measures bf16 at so many GFLOP/s, and fp32 at 100.</summary>
    private static AutoPrecision Taking(double bf16, TinySet set) =>
        new(null, _ => AutoPrecisionTests.Rates(bf16, 100), use => use(Path.Combine(set.Root, $"cache-{bf16}")));

    /// <summary>A network wide enough to be measured.</summary>
    private static TrainOptions Wide(Precision precision) => Options("airbench94", precision).Changing(recipe => recipe with { Widths = [16, 16, 16] });

    private static void Stop(TinySet set, TrainOptions options, int step)
    {
        using var source = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => set.Train(options, progress: new CancelAt(step, source), cancel: source.Token));
    }

    /// <summary>What a training says of its steps: those that an earlier process did, and the first of its own.</summary>
    private static (long Done, long First) Steps(RecordedProgress progress)
    {
        var task = progress.Tasks.Single(task => task.What == "train");
        return (task.Done, task.First);
    }

    /// <summary>All of curve.csv but the seconds.</summary>
    private static IEnumerable<string> Curve(TrainedModel model) =>
        Csv.Read(model.File("curve.csv")).Select(row => string.Join(',', row.Where((_, column) => column != 7)));
}
