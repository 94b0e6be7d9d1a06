using TorchSharp;

namespace Airbench.Tests;

public sealed class TrainerTests
{
    /// <summary>Wide enough that threads share the work of a layer; three on two cores are stopped in the middle of theirs.</summary>
    [Theory]
    [InlineData(Precision.Fp32, 1)]
    [InlineData(Precision.Fp32, 2)]
    [InlineData(Precision.Fp32, 3)]
    [InlineData(Precision.Bf16, 1)]
    [InlineData(Precision.Bf16, 2)]
    [InlineData(Precision.Bf16, 3)]
    public void The_same_seed_gives_bit_identical_weights(Precision precision, int threads)
    {
        using var set = new TinySet(train: 128, test: 16);
        var options = (TinySet.Options with { Precision = precision, Threads = threads }).Changing(recipe => recipe with { Widths = [16, 24, 40] });
        var (first, again, other) = (set.Train(options, 7, "first"), set.Train(options, 7, "again"), set.Train(options, 8, "other"));
        Assert.Equal(first.Manifest.WeightsSha256, again.Manifest.WeightsSha256);
        Assert.NotEqual(first.Manifest.WeightsSha256, other.Manifest.WeightsSha256);
    }

    [Fact]
    public void Images_that_are_too_small_for_a_network_are_named_with_what_to_do()
    {
        using var set = new TinySet(imageSize: 8);
        var error = Assert.Throws<ConfigurationException>(() => set.Train(TinySet.Options));
        Assert.Equal($"{set.Dataset.Folder}: its images have 8 pixels a side; expected 16 or more, which a network needs: prepare them with image_size 16 or more", error.Message);
    }

    [Fact]
    public void Training_learns()
    {
        using var set = new TinySet(train: 1000, test: 200);
        var model = set.Train(TinySet.Options.Changing(recipe => recipe with { Epochs = 6, Widths = [16, 32, 32] }));
        var curve = File.ReadAllLines(model.File("curve.csv")).Skip(1).Select(line => line.Split(',')).ToList();
        Assert.Equal(6, curve.Count);
        Assert.True(Number(curve[^1][4]) < Number(curve[0][4]) - 0.1, "the training loss has not fallen");
        Assert.True(model.Manifest.Runs[0].AccuracyTta > 0.16, $"accuracy {model.Manifest.Runs[0].AccuracyTta} is not clear of chance, 0.1");
    }

    [Fact]
    public void The_curve_has_the_unsmoothed_loss_on_the_test_split_where_accuracy_was_measured()
    {
        using var set = new TinySet();
        var model = set.Train(TinySet.Options.Changing(recipe => recipe with { Epochs = 3, LabelSmoothing = 0.2 }) with { ValidateEvery = 2 });
        var rows = Csv.Read(model.File("curve.csv")).ToList();
        Assert.Equal(["validation_accuracy", "seconds", "validation_loss"], rows[0][6..]);
        Assert.Equal([false, true, true], rows.Skip(1).Select(row => row[6].Length > 0));   // every second epoch, and the last
        Assert.Equal(rows.Skip(1).Select(row => row[6].Length > 0), rows.Skip(1).Select(row => row[8].Length > 0));

        // All 64 test images are reference images: their logits are those of the network after the last step.
        using var reference = TensorFile.Open(model.File(TrainedModel.ReferenceName));
        var logits = reference.Read<float>(reference.Require("logits", TensorType.F32, 64, 10)).ToArray();
        var labels = reference.Read<long>(reference.Require("labels", TensorType.I64, 64)).ToArray();
        var expected = labels.Select((label, i) =>
        {
            var row = logits.AsSpan(10 * i, 10).ToArray();
            return Math.Log(row.Sum(logit => Math.Exp(logit))) - row[label];
        }).Average();
        Assert.Equal(expected, Number(rows[^1][8]), 4);
    }

    [Fact]
    public void Several_runs_export_the_first_and_report_all_of_them()
    {
        using var set = new TinySet();
        var single = set.Train(TinySet.Options, seed: 3, "single");
        var several = set.Train(TinySet.Options with { Runs = 3 }, seed: 3, "several");
        Assert.Equal(single.Manifest.WeightsSha256, several.Manifest.WeightsSha256);
        Assert.Equal([3, 4, 5], several.Manifest.Runs.Select(run => run.Seed));
        Assert.Equal(3, several.Manifest.AccuracyTta.Count);
        Assert.Equal(several.Manifest.Runs.Average(run => run.AccuracyTta), several.Manifest.AccuracyTta.Mean, 12);
        Assert.Equal(3 + 1, File.ReadAllLines(several.File("runs.csv")).Length);
    }

    [Fact]
    public void The_written_folder_is_whole_and_its_tensors_fit_the_network()
    {
        using var set = new TinySet();
        var model = TrainedModel.Open(set.Train(TinySet.Options).Folder);
        using var weights = TensorFile.Open(model.File(TrainedModel.WeightsName));
        Assert.Equal(
            model.Manifest.Network.Parameters().Select(p => $"{p.Name} {string.Join(",", p.Shape)}"),
            weights.Tensors.Values.OrderBy(t => t.Offset).Select(t => $"{t.Name} {string.Join(",", t.Shape)}"));
        using var reference = TensorFile.Open(model.File(TrainedModel.ReferenceName));
        reference.Require("images", TensorType.U8, 64, 3, 32, 32);
        reference.Require("labels", TensorType.I64, 64);
        reference.Require("logits", TensorType.F32, 64, 10);
        Assert.True(model.Manifest.Synthetic);
        Assert.Equal(set.Dataset.Manifest.Sha256, model.Manifest.DatasetSha256);
    }

    [Fact]
    public void A_rate_that_blows_up_names_the_step_and_leaves_the_earlier_model()
    {
        using var set = new TinySet();
        var earlier = set.Train(TinySet.Options).Manifest.WeightsSha256;
        var error = Assert.Throws<DivergedException>(() => set.Train(TinySet.Options.Changing(recipe => recipe with { Lr1024 = 1e30 })));
        Assert.Matches("the loss is .* at step [0-9]+, learning rate", error.Message);
        Assert.Equal(earlier, TrainedModel.Open(set.ModelFolder()).Manifest.WeightsSha256);
    }

    [Fact]
    public void Cancelling_stops_within_a_step_and_leaves_the_earlier_model()
    {
        using var set = new TinySet();
        var earlier = set.Train(TinySet.Options).Manifest.WeightsSha256;
        using var source = new CancellationTokenSource();
        var progress = new CancelAt(3, source);
        var options = TinySet.Options.Changing(recipe => recipe with { Epochs = 50 });
        Assert.Throws<OperationCanceledException>(() => set.Train(options, progress: progress, cancel: source.Token));
        Assert.Equal(3, progress.Steps);
        Assert.Equal(earlier, TrainedModel.Open(set.ModelFolder()).Manifest.WeightsSha256);
        Assert.Equal(["model", "model.checkpoint"], Directory.GetDirectories(Path.Combine(set.Root, "models")).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void A_set_smaller_than_the_batch_trains_with_smaller_batches_and_says_so()
    {
        using var set = new TinySet(train: 40, test: 10);
        var progress = new Lines();
        var model = set.Train(TinySet.Options with { Changes = TinySet.Options.Changes.With("batch_size", null) }, progress: progress);
        Assert.Equal(5, model.Manifest.Recipe!.BatchSize);
        Assert.Contains(progress.Warnings, line => line.Contains("fewer than the batch of 1024", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(1023, 32, null, 127)]    // fewer than one batch
    [InlineData(1024, 32, null, 128)]    // one: no cliff between this set and one that is an image smaller
    [InlineData(4095, 32, null, 511)]    // three
    [InlineData(4096, 32, null, 1024)]   // four make an epoch
    [InlineData(1024, 32, 1024, 1024)]   // asked for
    [InlineData(1023, 32, 1024, 127)]    // asked for, but impossible
    [InlineData(3, 32, null, 2)]
    [InlineData(815, 63, null, 101)]
    [InlineData(815, 64, null, 25)]        // more steps of larger images
    [InlineData(224, 128, null, 16)]       // but no fewer images a step than this
    [InlineData(40, 128, null, 5)]         // unless there are few
    [InlineData(815, 128, 800, 800)]       // asked for
    [InlineData(4096, 128, null, 1024)]
    public void A_small_set_has_several_batches_an_epoch_unless_a_size_was_asked_for(int trainCount, int imageSize, int? askedFor, int expected)
    {
        var (options, progress) = (new TrainOptions { Changes = RecipeChanges.None.With("batch_size", askedFor) }, new Lines());
        var recipe = BatchFit.Apply(options.ToRecipe(), trainCount, imageSize, askedFor is not null, progress);
        Assert.Equal(expected, recipe.BatchSize);
        Assert.Equal(expected == (askedFor ?? 1024) ? 0 : 1, progress.Warnings.Count);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(40)]
    public void Other_image_sizes_train(int size)
    {
        using var set = new TinySet(train: 64, test: 16, imageSize: size);
        Assert.Equal(size, set.Train(TinySet.Options.Changing(recipe => recipe with { Epochs = 1 })).Manifest.Network.ImageSize);
    }

    [Fact]
    public void Training_keeps_no_native_tensor()
    {
        using var set = new TinySet(train: 64, test: 16);
        set.Train(TinySet.Options.Changing(recipe => recipe with { Epochs = 1 }));
        var before = LiveTensors.Count();
        set.Train(TinySet.Options.Changing(recipe => recipe with { Epochs = 3 }));
        Assert.Equal(before, torch.Tensor.TotalCount);
    }

    private static double Number(string text) => double.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
