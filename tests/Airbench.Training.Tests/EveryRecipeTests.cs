using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Tests;

/// <summary>Each recipe, narrow, for a few steps on drawn images.</summary>
public sealed class EveryRecipeTests
{
    public static TheoryData<string> Names => [.. Recipe.All.Keys];

    private static TrainOptions Narrow(string name) => new TrainOptions { Recipe = name, Precision = Precision.Fp32, Threads = 2, ValidateEvery = 0 }
        .Changing(recipe => recipe with { Widths = name == "resnet18" ? [8, 8, 16, 16] : [8, 16, 16], BatchSize = 32, WhitenImages = 128 });

    [Theory]
    [MemberData(nameof(Names))]
    public void It_learns_and_the_same_seed_gives_the_same_weights(string recipe)
    {
        using var set = new TinySet(train: 256, test: 32);
        var options = Narrow(recipe).Changing(changed => changed with { Epochs = 4 });
        var (first, again) = (set.Train(options, 3, "first"), set.Train(options, 3, "again"));
        Assert.Equal(first.Manifest.WeightsSha256, again.Manifest.WeightsSha256);
        var losses = File.ReadAllLines(first.File("curve.csv")).Skip(1)
            .Select(line => double.Parse(line.Split(',')[4], System.Globalization.CultureInfo.InvariantCulture)).ToList();
        Assert.All(losses, loss => Assert.True(double.IsFinite(loss)));
        if (recipe != "airbench96_faster")   // its examples get harder as it learns: its loss may rise
        {
            Assert.True(losses[^1] < losses[0], $"loss {losses[0]} -> {losses[^1]}");
        }
        Assert.Equal(recipe == "speedrun2025" ? Tta.MirrorTranslate : Recipe.All[recipe].Tta, first.Manifest.Fp32.Tta);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Whitening_filters_stay_and_an_unwhitened_first_convolution_learns(bool whiten)
    {
        using var set = new TinySet(train: 64, test: 16);
        var model = set.Train(Narrow("airbench94").Changing(recipe => recipe with { Epochs = 2, Whiten = whiten }));
        using var split = set.Dataset.OpenSplit(Split.Train);
        using var scope = NewDisposeScope();
        using var images = DeviceImages.Load(split, model.Manifest.Network, 2, CPU);
        using var weights = TensorFile.Open(model.File(TrainedModel.WeightsName));
        var trained = weights.Read<float>(weights.Tensors["whiten.weight"]).ToArray();
        var white = Whitening.Filters(images, 128).to(ScalarType.Float32).contiguous().data<float>().ToArray();
        Assert.Equal(whiten, trained.Zip(white).All(pair => pair.First == pair.Second));
    }

    [Fact]
    public void A_head_of_a_Muon_recipe_starts_with_unit_deviation_and_its_whitening_bias_does_not_start_at_zero()
    {
        using var scope = NewDisposeScope();
        var device = ComputeDevice.Resolve("cpu", Precision.Fp32);
        var recipe = Recipe.All["airbench94_muon"];
        using var network = Network.Create(recipe.Network(32, 10, [0, 0, 0], [1, 1, 1]), recipe, device, new Generator(1, CPU));
        Assert.Equal(1, network.Tensors["head.weight"].std().item<float>(), 1e-5);
        var bias = network.Tensors["whiten.bias"].abs();
        Assert.InRange(bias.max().item<float>(), 0.1, 1 / Math.Sqrt(12));
    }

    [Fact]
    public void Without_dirac_no_filter_is_the_identity()
    {
        using var scope = NewDisposeScope();
        var device = ComputeDevice.Resolve("cpu", Precision.Fp32);
        var recipe = Recipe.All["airbench94"] with { Init = Init.Default };
        using var network = Network.Create(recipe.Network(32, 10, [0, 0, 0], [1, 1, 1]), recipe, device, new Generator(1, CPU));
        Assert.InRange(network.Tensors["group1.conv1.weight"].abs().max().item<float>(), 0, 1 / Math.Sqrt(24 * 9));
    }

    [Fact]
    public void The_proxy_chooses_the_same_examples_again_and_half_of_each_batch()
    {
        using var set = new TinySet(train: 128, test: 16);
        var recipe = Narrow("airbench96_faster").ToRecipe() with { Epochs = 2 };
        using var scope = NewDisposeScope();
        var plan = TrainingPlan.For(recipe, set.Dataset.Manifest.TrainCount);
        using var setup = TrainingSetup.Load(set.Dataset, plan, ComputeDevice.Resolve("cpu", Precision.Fp32));
        using var generator = new Generator(5, CPU);
        Tensor Choose() => ProxyRun.ChooseExamples(setup, generator.get_state(), 1, _ => { }, CancellationToken.None);
        var (first, again) = (Choose(), Choose());
        Assert.Equal([8L, 16L], first.shape);
        Assert.Equal(first.data<long>().ToArray(), again.data<long>().ToArray());
        Assert.All(Enumerable.Range(0, 8), step =>
        {
            var row = first[step].data<long>().ToArray();
            Assert.Equal(row.Distinct().Order(), row);
            Assert.InRange(row[^1], 16, 31);
        });
    }

    [Fact]
    public void Adaptive_scoring_differs_from_the_plain_one_in_the_least_confident_quarter_only()
    {
        using var set = new TinySet(train: 64, test: 64);
        var recipe = Recipe.All["speedrun2025"] with { Widths = [8, 16, 16] };
        var spec = recipe.Network(set.Dataset.Manifest);
        var device = ComputeDevice.Resolve("cpu", Precision.Fp32);
        using var scope = NewDisposeScope();
        using var split = set.Dataset.OpenSplit(Split.Test);
        using var images = DeviceImages.Load(split, spec, Scorer.Padding, CPU);
        using var network = Network.Create(spec, recipe, device, new Generator(1, CPU));
        using var noGradients = no_grad();
        var (plain, full) = Scorer.Logits(network, images, 0, 64, Tta.MirrorTranslate, ScalarType.Float32);
        var confidence = plain.softmax(1).amax([1]).data<float>().ToArray();
        var doubtful = Enumerable.Range(0, 64).OrderBy(i => confidence[i]).Take(16).ToHashSet();
        var expected = Enumerable.Range(0, 64).Count(i => (doubtful.Contains(i) ? full : plain)[i].argmax().item<long>() == split.Labels[i]);
        var counted = Scorer.CountCorrect(network, images, Tta.Adaptive, ScalarType.Float32, CancellationToken.None);
        Assert.Equal(expected, counted.Tta);
        Assert.Equal(Scorer.CountCorrect(network, images, Tta.None, ScalarType.Float32, CancellationToken.None).Plain, counted.Plain);
    }
}
