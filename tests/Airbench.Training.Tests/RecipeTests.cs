using CsCheck;

namespace Airbench.Tests;

/// <summary>The numbers of recipes.md.</summary>
public sealed class RecipeTests
{
    private static readonly Recipe Airbench94 = Recipe.All["airbench94"];

    [Fact]
    public void Airbench94_on_cifar10_has_the_published_step_count_and_rates()
    {
        var plan = TrainingPlan.For(Airbench94, 50_000);
        var kilostep = 1024 * (1 + (1 / (1 - 0.85)));
        Assert.Equal(48, plan.StepsPerEpoch);
        Assert.Equal(476, plan.TotalSteps);
        Assert.Equal(144, plan.WhitenBiasSteps);
        Assert.Equal(11.5 / kilostep, plan.Lr, 12);
        Assert.Equal(64 * 11.5 / kilostep, plan.BiasLr, 12);
        Assert.Equal(0.0153 * 1024 / kilostep, plan.Decay, 12);
    }

    [Fact]
    public void The_schedule_starts_at_a_fifth_peaks_at_its_corner_and_ends_at_seven_hundredths()
    {
        const int total = 476;
        var corner = (int)(0.23 * total);
        Assert.Equal(0.2, Airbench94.Schedule.At(0, total), 12);
        Assert.Equal(1.0, Airbench94.Schedule.At(corner, total), 12);
        Assert.Equal(0.07, Airbench94.Schedule.At(total, total), 12);
        Assert.Equal(0.6, Airbench94.Schedule.At(corner / 2, total), 2);
        Assert.All(Enumerable.Range(0, total), step => Assert.InRange(Airbench94.Schedule.At(step, total), 0.07, 1.0));
    }

    [Fact]
    public void A_schedule_over_a_single_step_is_finite() => Assert.InRange(Airbench94.Schedule.At(0, 1), 0.07, 1);

    [Fact]
    public void Options_change_the_fields_that_they_give_and_no_others()
    {
        var changed = new TrainOptions().Giving(("epochs", 2.0), ("flip", Flip.None)).ToRecipe();
        Assert.Equal(Airbench94 with { Epochs = 2, Flip = Flip.None }, changed);
    }

    [Fact]
    public void The_changes_between_two_recipes_are_what_differs()
    {
        var faster = Recipe.All["airbench96_faster"];
        var changed = faster with { Epochs = 2, Widths = [3, 4, 5], ColorJitter = new(0.1, 0.2), Proxy = faster.Proxy! with { Keep = 0.25 } };
        var changes = RecipeChanges.Between(faster, changed);
        Assert.Equal(["color_jitter", "epochs", "proxy_keep", "widths"], changes.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(changed, changes.ApplyTo(faster));
        Assert.Empty(RecipeChanges.Between(faster, faster with { Widths = [.. faster.Widths] }));
        Assert.Equal(false, Assert.Single(RecipeChanges.Between(faster, faster with { Proxy = null })).Value);
        var muon = new TrainOptions().Giving(("optimizer", Optimizer.Muon), ("head_lr", 0.5)).Changes;
        Assert.Equal(muon, RecipeChanges.Between(Airbench94, muon.ApplyTo(Airbench94)));
        Assert.Throws<ArgumentException>(() => RecipeChanges.Between(Airbench94, Airbench94 with { LogitScale = null }));
    }

    [Fact]
    public void Muon_recipes_have_plain_rates_and_a_whitening_bias_that_rests_early()
    {
        var plan = TrainingPlan.For(Recipe.All["airbench94_muon"], 50_000);
        Assert.Equal((25, 200, 75), (plan.StepsPerEpoch, plan.TotalSteps, plan.WhitenBiasSteps));
        Assert.Equal((0.24, 0.053, 0.67), (plan.Lr, plan.BiasLr, plan.HeadLr));
        Assert.Equal(2e-6 * 2000, plan.Decay, 12);
        var record = TrainingPlan.For(Recipe.All["speedrun2025"], 50_000);
        Assert.Equal((32, 243, 7), (record.StepsPerEpoch, record.TotalSteps, record.WhitenBiasSteps));
        Assert.Equal(1.0418e-6 * 1536, record.Decay, 12);
    }

    [Fact]
    public void Speedrun2026_grows_its_images_by_the_epoch_and_rests_and_averages_in_its_tail()
    {
        var recipe = Recipe.All["speedrun2026"];
        var plan = TrainingPlan.For(recipe, 50_000);
        Assert.Equal((32, 284, 7, 272), (plan.StepsPerEpoch, plan.TotalSteps, plan.WhitenBiasSteps, plan.ScheduleSteps));
        Assert.Equal([24, 24, 24, 28, 28, 28, 32, 32, 32], Enumerable.Range(0, 9).Select(epoch => recipe.SizeIn(epoch, 32)));
        Assert.All(Enumerable.Range(0, 284), step => Assert.Equal(Math.Max(1 - (step / 272.0), 0.05), plan.LrFactor(step), 12));
        var updates = Enumerable.Range(1, 284).Where(steps => plan.SlowDecay(steps) is not null).ToDictionary(steps => steps, plan.SlowDecay);
        Assert.Equal([264, 268, 272, 276, 280, 284], updates.Keys.Order());
        Assert.All(updates, update => Assert.Equal(update.Key == 264 ? 0 : 0.7, update.Value!.Value));
    }

    [Fact]
    public void Resolutions_are_spread_over_the_epochs_whatever_their_number()
    {
        // The milder schedule of the same study: five of nine epochs at 28 pixels.
        var milder = Airbench94 with { Epochs = 8.125, Resolutions = [0.875, 0.875, 0.875, 0.875, 0.875, 1, 1, 1, 1] };
        Assert.Equal([28, 28, 28, 28, 28, 32, 32, 32, 32], Enumerable.Range(0, 9).Select(epoch => milder.SizeIn(epoch, 32)));
        Gen.Select(Gen.Double[0.1, 60], Gen.Double[0.01, 1].Array[1, 12], Gen.Int[16, 300]).Sample((epochs, shares, size) =>
        {
            var recipe = Airbench94 with { Epochs = epochs, Resolutions = shares };
            var count = (int)Math.Ceiling(epochs);
            var sizes = Enumerable.Range(0, count).Select(epoch => recipe.SizeIn(epoch, size)).ToList();
            var expected = shares.Select(share => (int)Math.Round(share * size, MidpointRounding.AwayFromZero)).ToList();
            Assert.Equal(expected[0], sizes[0]);
            if (count >= shares.Length)
            {
                Assert.Equal(expected[^1], sizes[^1]);   // each has its turn
                var turns = Enumerable.Range(0, count).GroupBy(epoch => epoch * shares.Length / count).Select(turn => turn.Count()).ToList();
                Assert.InRange(turns.Max() - turns.Min(), 0, 1);
            }
            Assert.All(sizes, found => Assert.Contains(found, expected));
            Assert.Equal(size, (recipe with { Resolutions = [] }).SizeIn(0, size));
        });
    }

    [Fact]
    public void A_training_on_small_images_counts_the_arithmetic_of_small_images()
    {
        var recipe = Recipe.All["speedrun2026"];
        var network = recipe.Network(32, 10, [0, 0, 0], [1, 1, 1]);
        double Of(int size) => (network with { ImageSize = size }).ForwardFlops();
        var expected = 3.0 * 1536 * ((96 * Of(24)) + (96 * Of(28)) + (92 * Of(32)));
        Assert.Equal(1, recipe.TrainingFlops(network, 50_000) / expected, 12);
        Assert.InRange(Of(24) / Of(32), 0.4, 0.6);
    }

    [Fact]
    public void Every_switch_changes_its_field()
    {
        var changed = new TrainOptions { Recipe = "airbench96_faster" }.Giving(
            ("lookahead", false),
            ("color_jitter", new[] { 0.1, 0.2 }),
            ("schedule", new[] { 0.1, 0.5, 0.2 }),
            ("proxy", false),
            ("whiten", false),
            ("init", Init.Default),
            ("cutout", 8),
            ("bn_momentum", 0.3),
            ("activation", Activation.Silu),
            ("depth", 2),
            ("bias_scaler", 32.0),
            ("logit_scale", 0.5)).ToRecipe();
        Assert.Equal(
            Recipe.All["airbench96_faster"] with
            {
                Lookahead = false,
                ColorJitter = new ColorJitter(0.1, 0.2),
                Schedule = new TriangularSchedule(0.1, 0.5, 0.2),
                Proxy = null,
                Whiten = false,
                Init = Init.Default,
                Cutout = 8,
                BatchNormMomentum = 0.3,
                Activation = Activation.Silu,
                Depth = 2,
                BiasScaler = 32,
                LogitScale = 0.5,
            },
            changed);
    }

    [Fact]
    public void Another_optimizer_brings_its_own_rates_and_head()
    {
        var muon = new TrainOptions().Giving(("muon_lr", 0.1), ("optimizer", Optimizer.Muon)).ToRecipe();
        var donor = Recipe.All["airbench94_muon"];
        Assert.Equal(donor.Muon! with { Lr = 0.1 }, muon.Muon);
        Assert.Equal((donor.Schedule, donor.LogitScale, donor.NormalizeHead, false), (muon.Schedule, muon.LogitScale, muon.NormalizeHead, muon.Lookahead));
        Assert.Equal(donor.ZeroWhitenBias, muon.ZeroWhitenBias);
        Assert.Equal(Airbench94.Epochs, muon.Epochs);
        var sgd = new TrainOptions { Recipe = "airbench94_muon" }.Giving(("optimizer", Optimizer.Sgd)).ToRecipe();
        Assert.Null(sgd.Muon);
        Assert.Equal((Airbench94.Lr1024, Airbench94.Momentum, Airbench94.Lookahead), (sgd.Lr1024, sgd.Momentum, sgd.Lookahead));
    }

    [Fact]
    public void Every_hyperparameter_can_be_changed_by_an_option()
    {
        var both = new TrainOptions().Giving(
            ("epochs", 1.5),
            ("batch_size", 100),
            ("momentum", 0.5),
            ("schedule", new[] { 0.1, 0.5, 0.2 }),
            ("lr_tail", new[] { 0.5, 0.25 }),
            ("resolutions", new[] { 0.5, 1 }),
            ("label_smoothing", 0.3),
            ("flip", Flip.None),
            ("translate", 3),
            ("cutout", 5),
            ("color_jitter", new[] { 0.5, 0.5 }),
            ("proxy", true),
            ("proxy_widths", new[] { 3, 4, 5 }),
            ("proxy_depth", 3),
            ("proxy_keep", 0.25),
            ("proxy_backward_every", 2),
            ("whiten", true),
            ("zero_whiten_bias", true),
            ("whiten_bias_epochs", 1.0),
            ("whiten_images", 77),
            ("init", Init.Default),
            ("normalize_head", false),
            ("widths", new[] { 3, 4, 5 }),
            ("depth", 3),
            ("activation", Activation.Relu),
            ("logit_scale", 0.5),
            ("bn_momentum", 0.25),
            ("weight_decay", 0.125),
            ("tta", Tta.None));
        var muon = (both with { Recipe = "speedrun2025" }).Giving(
            ("lookahead", true),
            ("muon_lr", 0.1),
            ("muon_momentum", 0.2),
            ("bias_lr", 0.3),
            ("head_lr", 0.4),
            ("muon_coefficients", new[] { 1.0, 2, 3 }),
            ("muon_newton_schulz_steps", 5),
            ("muon_renormalize_every", 7),
            ("muon_renormalize_growth", 8),
            ("muon_batched", false));
        var sgd = (both with { Recipe = "airbench96_faster" }).Giving(
            ("lr", 1.0), ("bias_scaler", 2.0), ("whiten", true), ("lookahead", false), ("tail_average", new[] { 0.5, 2, 0.5 }));
        Assert.Empty(TrainOptions.Check(muon).Concat(TrainOptions.Check(sgd)));
        string[] identity = ["Name", "Description", "TargetAccuracy", "Architecture"];
        string[] always = [.. Unchanged(Recipe.All["speedrun2025"], muon.ToRecipe()).Intersect(Unchanged(Recipe.All["airbench96_faster"], sgd.ToRecipe()))];
        Assert.Equal([.. identity.Order(), "Whiten"], always.Order());   // whitening is on here; off is tested with what it excludes
        Assert.Empty(Unchanged(Recipe.All["speedrun2025"].Muon!, muon.ToRecipe().Muon!));
        Assert.Empty(Unchanged(Recipe.All["airbench96_faster"].Proxy!, sgd.ToRecipe().Proxy!));
        Assert.False(new TrainOptions().Giving(("whiten", false)).ToRecipe().Whiten);
        string[] all = [.. muon.Changes.Keys.Union(sgd.Changes.Keys).Append("optimizer").Order(StringComparer.Ordinal)];
        Assert.Equal(all, RecipeChanges.None.Declared.Select(option => option.Key).Order(StringComparer.Ordinal));
    }

    /// <summary>Names of the settable properties with equal values.</summary>
    private static IEnumerable<string> Unchanged<T>(T before, T after) =>
        typeof(T).GetProperties().Where(p => p.CanWrite && Equals(p.GetValue(before), p.GetValue(after))).Select(p => p.Name);

    public static TheoryData<TrainOptions, string> Unread => new()
    {
        { new TrainOptions().Giving(("muon_batched", true)), "muon_batched: is for the muon optimizer" },
        { new TrainOptions().Giving(("whiten", false), ("whiten_bias_epochs", 1.0)), "whiten_bias_epochs: is given, but nothing is whitened" },
        { new TrainOptions { Recipe = "resnet18" }.Giving(("whiten_images", 10)), "whiten_images: is given, but nothing is whitened" },
        { new TrainOptions { Recipe = "resnet18" }.Giving(("depth", 2)), "depth: is given, but resnet18" },
        { new TrainOptions().Giving(("proxy_keep", 0.5)), "proxy_keep: is given, but no proxy" },
        {
            new TrainOptions { Recipe = "airbench96_faster" }.Giving(("proxy", false), ("proxy_widths", new[] { 1, 1, 1 })),
            "proxy_widths: is given, but no proxy"
        },
    };

    [Theory]
    [MemberData(nameof(Unread), DisableDiscoveryEnumeration = true)]
    public void An_option_that_nothing_would_read_is_refused(TrainOptions options, string expected) =>
        Assert.StartsWith(expected, Assert.Single(TrainOptions.Check(options)), StringComparison.Ordinal);

    [Theory]
    [InlineData("airbench94", "muon_lr: is for the muon optimizer")]
    [InlineData("airbench94_muon", "lr: is for the sgd optimizer")]
    public void A_rate_that_the_optimizer_would_not_read_is_refused(string recipe, string expected)
    {
        var options = new TrainOptions { Recipe = recipe }.Giving((recipe == "airbench94" ? "muon_lr" : "lr", 1.0));
        Assert.StartsWith(expected, Assert.Single(TrainOptions.Check(options)), StringComparison.Ordinal);
    }

    [Fact]
    public void Options_out_of_range_are_named_with_what_was_found()
    {
        var problems = TrainOptions.Check(new TrainOptions { Recipe = "resnet", Runs = 0 }.Giving(("epochs", 0.0), ("widths", new[] { 1, 2 }))).ToList();
        Assert.Equal(2, problems.Count);   // the rest depends on the recipe
        Assert.Contains(problems, p => p.StartsWith("recipe: 'resnet' is unknown; expected one of airbench94", StringComparison.Ordinal));
        problems = [.. TrainOptions.Check(new TrainOptions().Giving(("epochs", 0.0), ("widths", new[] { 1, 2 }), ("schedule", new[] { 0.0, 2, 0 })))];
        Assert.Equal(["widths:", "epochs:", "schedule:"], problems.Select(p => p.Split(' ')[0]));
        Assert.Equal(
            ["schedule: 2 numbers; expected 3, [start, peak, end]", "color_jitter: 1 numbers; expected 2, [brightness, contrast], or none, [], for off"],
            TrainOptions.Check(new TrainOptions().Giving(("schedule", new[] { 0.0, 1 }), ("color_jitter", new[] { 0.5 }))));
        Assert.Empty(TrainOptions.Check(new TrainOptions { Recipe = "speedrun2025" }.Giving(("color_jitter", Array.Empty<double>()))));
    }

    [Fact]
    public void The_network_for_cifar10_has_the_published_shapes()
    {
        var data = new DatasetManifest
        {
            Name = "x",
            Source = "x",
            Classes = [.. Enumerable.Range(0, 10).Select(i => $"{i}")],
            ImageSize = 32,
            Mean = [0, 0, 0],
            Std = [1, 1, 1],
            TrainCount = 1,
            TestCount = 1,
            DuplicatesAcrossSplits = 0,
            TrainSha256 = "",
            TestSha256 = "",
            ProductVersion = "",
        };
        var parameters = Airbench94.Network(data).Parameters().ToList();
        // 24 whitening filters and biases; 6 convolutions without bias; 6 x (bias, mean, variance); the head.
        Assert.Equal(
            (24 * 12) + 24 + (9 * ((24 * 64) + (64 * 64) + (64 * 256) + (3 * 256 * 256))) + (3 * ((2 * 64) + (4 * 256))) + 2560,
            parameters.Sum(p => p.Shape.Aggregate((a, b) => a * b)));
    }
}
