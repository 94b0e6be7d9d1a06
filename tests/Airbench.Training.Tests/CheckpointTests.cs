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
        var resumed = set.Train(options);
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
        var resumed = set.Train(options);
        Assert.Equal(whole.Manifest.WeightsSha256, resumed.Manifest.WeightsSha256);
        Assert.Equal(Curve(whole), Curve(resumed));
        Assert.Equal(
            whole.Manifest.Runs.Select(run => run with { TrainSeconds = 0 }), resumed.Manifest.Runs.Select(run => run with { TrainSeconds = 0 }));
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
    public void Nothing_is_written_where_checkpoints_are_off()
    {
        using var set = new TinySet(train: 128, test: 16);
        Stop(set, Options("airbench94") with { CheckpointEverySeconds = 0 }, 5);
        Assert.False(Directory.Exists(set.ModelFolder() + ".checkpoint"));
    }

    private static void Stop(TinySet set, TrainOptions options, int step)
    {
        using var source = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => set.Train(options, progress: new CancelAt(step, source), cancel: source.Token));
    }

    /// <summary>All of curve.csv but the seconds.</summary>
    private static IEnumerable<string> Curve(TrainedModel model) =>
        Csv.Read(model.File("curve.csv")).Select(row => string.Join(',', row.Where((_, column) => column != 7)));
}
