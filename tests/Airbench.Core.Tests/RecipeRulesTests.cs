namespace Airbench.Tests;

public sealed class RecipeRulesTests
{
    private static readonly Recipe Sgd = Recipe.All["airbench94"];
    private static readonly Recipe Muon = Recipe.All["speedrun2025"];
    private static readonly Recipe Proxied = Recipe.All["airbench96_faster"];

    /// <summary>Each breaks one rule, and the message has to begin with the field's key and what was found.</summary>
    public static TheoryData<Recipe, string> Broken => new()
    {
        { Sgd with { TargetAccuracy = 94 }, "target_accuracy: 94; expected 0 to 1" },
        { Sgd with { Widths = [] }, "widths: []; expected 3 widths from 1 to 8192" },
        { Sgd with { Widths = [64, 0, 256] }, "widths: [64, 0, 256];" },
        { Sgd with { LogitScale = 0 }, "logit_scale: 0;" },
        { Sgd with { BatchNormMomentum = 0 }, "bn_momentum: 0;" },
        { Recipe.All["resnet18"] with { Whiten = true }, "whiten: on; expected off" },
        { Sgd with { WhitenBiasEpochs = -1 }, "whiten_bias_epochs: -1;" },
        { Sgd with { WhitenImages = 0 }, "whiten_images: 0;" },
        { Sgd with { Epochs = double.NaN }, "epochs: NaN; expected more than 0, at most 100000" },
        { Sgd with { Epochs = 0 }, "epochs: 0;" },
        { Sgd with { BatchSize = 1 }, "batch_size: 1; expected 2 to 65536" },
        { Sgd with { Lr1024 = 0 }, "lr: 0; expected more than 0" },
        { Muon with { Muon = null }, "lr: 0; expected more than 0" },
        { Sgd with { Momentum = 1 }, "momentum: 1; expected 0 to below 1" },
        { Sgd with { WeightDecay1024 = -0.5 }, "weight_decay: -0.5; expected 0 or more" },
        { Sgd with { BiasScaler = double.PositiveInfinity }, "bias_scaler: Infinity;" },
        { Sgd with { Schedule = new(-1, 0.5, 0) }, "schedule: start: -1;" },
        { Sgd with { Schedule = new(0, 1.5, 0) }, "schedule: peak: 1.5;" },
        { Sgd with { Schedule = new(0, 0.5, double.NaN) }, "schedule: end: NaN;" },
        { Sgd with { LabelSmoothing = 1 }, "label_smoothing: 1;" },
        { Sgd with { Translate = 16 }, "translate: 16; expected 0 to 15" },
        { Sgd with { Cutout = -1 }, "cutout: -1; expected 0 to 1024" },
        { Sgd with { ColorJitter = new(-0.1, 0) }, "color_jitter: brightness: -0.1;" },
        { Sgd with { ColorJitter = new(0, 2) }, "color_jitter: contrast: 2;" },
        { Sgd with { LrTail = new(0, 0.1) }, "lr_tail: share: 0;" },
        { Sgd with { LrTail = new(0.5, 1.1) }, "lr_tail: factor: 1.1;" },
        { Muon with { TailAverage = new(-1, 4, 0.7) }, "tail_average: start: -1;" },
        { Muon with { TailAverage = new(0.9, 0, 0.7) }, "tail_average: every: 0;" },
        { Muon with { TailAverage = new(0.9, 4, 2) }, "tail_average: keep: 2;" },
        { Sgd with { TailAverage = new(0.9, 4, 0.7) }, "tail_average: on; expected off, or lookahead: false" },
        { Sgd with { Resolutions = [0.5, 0, 1] }, "resolutions: 0.5, 0, 1; expected shares" },
        { Sgd with { Resolutions = [1.5] }, "resolutions: 1.5;" },
        { Sgd with { Resolutions = [double.NaN] }, "resolutions: NaN;" },
        { Muon with { Muon = Muon.Muon! with { Lr = 0 } }, "muon_lr: 0;" },
        { Muon with { Muon = Muon.Muon! with { Momentum = -0.1 } }, "muon_momentum: -0.1;" },
        { Muon with { Muon = Muon.Muon! with { BiasLr = 0 } }, "bias_lr: 0;" },
        { Muon with { Muon = Muon.Muon! with { HeadLr = 0 } }, "head_lr: 0;" },
        { Muon with { Muon = Muon.Muon! with { WeightDecay = -1 } }, "weight_decay: -1;" },
        { Muon with { Muon = Muon.Muon! with { Coefficients = [1, 2] } }, "muon_coefficients: 1, 2; expected three finite numbers" },
        { Muon with { Muon = Muon.Muon! with { NewtonSchulzSteps = 0 } }, "muon_newton_schulz_steps: 0;" },
        { Muon with { Muon = Muon.Muon! with { RenormalizeEvery = 0 } }, "muon_renormalize_every: 0;" },
        { Muon with { Muon = Muon.Muon! with { RenormalizeGrowth = -1 } }, "muon_renormalize_growth: -1;" },
        { Proxied with { Proxy = Proxied.Proxy! with { Widths = [32, 64] } }, "proxy_widths: [32, 64]; expected 3 widths" },
        { Proxied with { Proxy = Proxied.Proxy! with { Depth = 4 } }, "proxy_depth: 4;" },
        { Proxied with { Proxy = Proxied.Proxy! with { Keep = 0 } }, "proxy_keep: 0;" },
        { Proxied with { Proxy = Proxied.Proxy! with { BackwardEvery = 0 } }, "proxy_backward_every: 0;" },
    };

    [Theory]
    [MemberData(nameof(Broken), DisableDiscoveryEnumeration = true)]
    public void A_value_out_of_range_is_named_with_what_was_found_and_no_other_is(Recipe recipe, string expected)
    {
        var message = Assert.Throws<ConfigurationException>(recipe.Validate).Message;

        Assert.StartsWith($"recipe {recipe.Name}: {expected}", message, StringComparison.Ordinal);
        Assert.Equal(1, message.Split("; expected ").Length - 1);
    }

    [Fact]
    public void All_problems_of_a_recipe_come_at_once()
    {
        var message = Assert.Throws<ConfigurationException>((Sgd with { Epochs = -1, Momentum = 2, Cutout = -3 }).Validate).Message;

        Assert.All(["epochs: -1", "momentum: 2", "cutout: -3"], problem => Assert.Contains(problem, message, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_built_in_recipe_and_its_network_are_valid() => Assert.All(Recipe.All.Values, recipe =>
    {
        recipe.Validate();
        recipe.Network(32, 10, [0.5, 0.5, 0.5], [0.25, 0.25, 0.25]).Validate();
    });
}
