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
        var changed = new TrainOptions { Epochs = 2, Flip = Flip.None }.ToRecipe();
        Assert.Equal(Airbench94 with { Epochs = 2, Flip = Flip.None }, changed);
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
    public void Every_switch_changes_its_field()
    {
        var changed = new TrainOptions
        {
            Recipe = "airbench96_faster",
            Lookahead = false,
            ColorJitter = [0.1, 0.2],
            Schedule = [0.1, 0.5, 0.2],
            Proxy = false,
            Whiten = false,
            Init = Init.Default,
            Cutout = 8,
            BnMomentum = 0.3,
            Activation = Activation.Silu,
            Depth = 2,
            BiasScaler = 32,
            LogitScale = 0.5,
        }.ToRecipe();
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
        var muon = new TrainOptions { Optimizer = Optimizer.Muon, MuonLr = 0.1 }.ToRecipe();
        var donor = Recipe.All["airbench94_muon"];
        Assert.Equal(donor.Muon! with { Lr = 0.1 }, muon.Muon);
        Assert.Equal((donor.Schedule, donor.LogitScale, donor.NormalizeHead, false), (muon.Schedule, muon.LogitScale, muon.NormalizeHead, muon.Lookahead));
        Assert.Equal(donor.ZeroWhitenBias, muon.ZeroWhitenBias);
        Assert.Equal(Airbench94.Epochs, muon.Epochs);
        var sgd = new TrainOptions { Recipe = "airbench94_muon", Optimizer = Optimizer.Sgd }.ToRecipe();
        Assert.Null(sgd.Muon);
        Assert.Equal((Airbench94.Lr1024, Airbench94.Momentum, Airbench94.Lookahead), (sgd.Lr1024, sgd.Momentum, sgd.Lookahead));
    }

    [Fact]
    public void Every_hyperparameter_can_be_changed_by_an_option()
    {
        var both = new TrainOptions
        {
            Epochs = 1.5,
            BatchSize = 100,
            Momentum = 0.5,
            Schedule = [0.1, 0.5, 0.2],
            Lookahead = true,
            LabelSmoothing = 0.3,
            Flip = Flip.None,
            Translate = 3,
            Cutout = 5,
            ColorJitter = [0.5, 0.5],
            Proxy = true,
            ProxyWidths = [3, 4, 5],
            ProxyDepth = 3,
            ProxyKeep = 0.25,
            ProxyBackwardEvery = 2,
            Whiten = true,
            ZeroWhitenBias = true,
            WhitenBiasEpochs = 1,
            WhitenImages = 77,
            Init = Init.Default,
            NormalizeHead = false,
            Widths = [3, 4, 5],
            Depth = 3,
            Activation = Activation.Relu,
            LogitScale = 0.5,
            BnMomentum = 0.25,
            WeightDecay = 0.125,
            Tta = Tta.None,
        };
        var muon = both with
        {
            Recipe = "speedrun2025",
            MuonLr = 0.1,
            MuonMomentum = 0.2,
            BiasLr = 0.3,
            HeadLr = 0.4,
            MuonCoefficients = [1, 2, 3],
            MuonNewtonSchulzSteps = 5,
            MuonRenormalizeEvery = 7,
            MuonRenormalizeGrowth = 8,
            MuonBatched = false,
        };
        var sgd = both with { Recipe = "airbench96_faster", Lr = 1, BiasScaler = 2, Whiten = true };
        Assert.Empty(TrainOptions.Check(muon).Concat(TrainOptions.Check(sgd)));
        string[] identity = ["Name", "Description", "TargetAccuracy", "Architecture"];
        string[] always = [.. Unchanged(Recipe.All["speedrun2025"], muon.ToRecipe()).Intersect(Unchanged(Recipe.All["airbench96_faster"], sgd.ToRecipe()))];
        Assert.Equal([.. identity.Order(), "Whiten"], always.Order());   // whitening is on here; off is tested with what it excludes
        Assert.Empty(Unchanged(Recipe.All["speedrun2025"].Muon!, muon.ToRecipe().Muon!));
        Assert.Empty(Unchanged(Recipe.All["airbench96_faster"].Proxy!, sgd.ToRecipe().Proxy!));
        Assert.False(new TrainOptions { Whiten = false }.ToRecipe().Whiten);
    }

    /// <summary>Names of the settable properties with equal values.</summary>
    private static IEnumerable<string> Unchanged<T>(T before, T after) =>
        typeof(T).GetProperties().Where(p => p.CanWrite && Equals(p.GetValue(before), p.GetValue(after))).Select(p => p.Name);

    public static TheoryData<TrainOptions, string> Unread => new()
    {
        { new() { MuonBatched = true }, "muon_batched: is for the muon optimizer" },
        { new() { Whiten = false, WhitenBiasEpochs = 1 }, "whiten_bias_epochs: is given, but nothing is whitened" },
        { new() { Recipe = "resnet18", WhitenImages = 10 }, "whiten_images: is given, but nothing is whitened" },
        { new() { Recipe = "resnet18", Depth = 2 }, "depth: is given, but resnet18" },
        { new() { ProxyKeep = 0.5 }, "proxy_keep: is given, but no proxy" },
        { new() { Recipe = "airbench96_faster", Proxy = false, ProxyWidths = [1, 1, 1] }, "proxy_widths: is given, but no proxy" },
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
        var options = recipe == "airbench94" ? new TrainOptions { Recipe = recipe, MuonLr = 1 } : new TrainOptions { Recipe = recipe, Lr = 1 };
        Assert.StartsWith(expected, Assert.Single(TrainOptions.Check(options)), StringComparison.Ordinal);
    }

    [Fact]
    public void Options_out_of_range_are_named_with_what_was_found()
    {
        var problems = TrainOptions.Check(new TrainOptions { Recipe = "resnet", Epochs = 0, Runs = 0, Widths = [1, 2] }).ToList();
        Assert.Equal(2, problems.Count);   // the rest depends on the recipe
        Assert.Contains(problems, p => p.StartsWith("recipe: 'resnet' is unknown; expected one of airbench94", StringComparison.Ordinal));
        problems = [.. TrainOptions.Check(new TrainOptions { Epochs = 0, Widths = [1, 2], Schedule = [0, 2, 0] })];
        Assert.Equal(["widths:", "epochs:", "schedule:"], problems.Select(p => p.Split(' ')[0]));
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
