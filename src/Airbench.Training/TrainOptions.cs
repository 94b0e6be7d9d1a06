using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Airbench.Training;

/// <summary>Number format of the training's arithmetic. Batch-norm statistics, the loss and the head are fp32 in all of them.</summary>
public enum Precision
{
    /// <summary>bf16 on CUDA and on CPUs with bf16 instructions (AVX512-BF16, AMX), fp32 elsewhere.</summary>
    Auto,

    /// <summary>bf16 activations and products, fp32 master weights.</summary>
    Bf16,

    /// <summary>As <see cref="Bf16"/>, and the weights are bf16 too.</summary>
    Bf16Weights,

    /// <summary>fp16 activations and products, fp32 master weights; CUDA only.</summary>
    Fp16,

    /// <summary>fp32 throughout.</summary>
    Fp32,
}

/// <summary>Options of the <c>train</c> stage. A field left out keeps the recipe's value.</summary>
public record TrainOptions
{
    [Description("Recipe to start from (airbench94).")]
    [AllowedValues("airbench94", "airbench94_muon", "airbench95", "airbench96", "airbench96_faster", "speedrun2025", "resnet18")]
    public string Recipe { get; init; } = "airbench94";

    [Description("Name of the folder under models/; the pipeline's name by default.")]
    public string? Name { get; init; }

    [Description("Networks to train, with seeds seed, seed+1, ...; the first is exported, never the best.")]
    public int Runs { get; init; } = 1;

    [Description("Arithmetic: auto, bf16 (fp32 master weights), bf16_weights, fp16 (CUDA) or fp32.")]
    public Precision Precision { get; init; }

    [Description("Threads of the native runtime on CPU; 0 takes all cores.")]
    public int Threads { get; init; }

    [Description("Validate on the test split every this many epochs, outside the timer; 0 only at the end.")]
    public int ValidateEvery { get; init; } = 1;

    [Description("Writes a checkpoint every this many seconds, outside the timer, from which a stopped training goes on; 0 never.")]
    public int CheckpointEverySeconds { get; init; } = 300;

    [Description("Passes over the training set, also fractions.")]
    public double? Epochs { get; init; }

    [Description("Images a step; learning rate and weight decay of the sgd recipes keep their meaning.")]
    public int? BatchSize { get; init; }

    [Description("What updates the convolutions: sgd or muon. Another than the recipe's brings rates, schedule and head of airbench94 or airbench94_muon.")]
    public Optimizer? Optimizer { get; init; }

    [Description("sgd: learning rate per 1024 examples.")]
    public double? Lr { get; init; }

    [Description("Nesterov momentum of SGD.")]
    public double? Momentum { get; init; }

    [Description("Weight decay, per 1024 examples with sgd, per example with muon.")]
    public double? WeightDecay { get; init; }

    [Description("sgd: batch-norm biases learn this many times faster.")]
    public double? BiasScaler { get; init; }

    [Description("muon: learning rate of the convolutions.")]
    public double? MuonLr { get; init; }

    [Description("muon: momentum of the convolutions.")]
    public double? MuonMomentum { get; init; }

    [Description("muon: learning rate of batch-norm biases and of the whitening bias.")]
    public double? BiasLr { get; init; }

    [Description("muon: learning rate of the head.")]
    public double? HeadLr { get; init; }

    [Description("muon: coefficients [a, b, c] of the quintic X := aX + (bA + cAA)X, A = XX^T.")]
    public IReadOnlyList<double>? MuonCoefficients { get; init; }

    [Description("muon: Newton-Schulz steps an update.")]
    public int? MuonNewtonSchulzSteps { get; init; }

    [Description("muon: convolutions are rescaled to norm sqrt(out) every this many steps,")]
    public int? MuonRenormalizeEvery { get; init; }

    [Description("muon: plus this many times the progress (0 to 1) of the training, rounded down.")]
    public int? MuonRenormalizeGrowth { get; init; }

    [Description("muon: whether all convolutions are orthogonalized as one padded batch.")]
    public bool? MuonBatched { get; init; }

    [Description("Learning-rate factor: [start, position of the peak, end], linear between, 1 at the peak.")]
    public IReadOnlyList<double>? Schedule { get; init; }

    [Description("Whether slow weights are averaged in every 5 steps.")]
    public bool? Lookahead { get; init; }

    [Description("Share of probability that the loss spreads over all classes.")]
    public double? LabelSmoothing { get; init; }

    [Description("Mirroring: none, random or alternating.")]
    public Flip? Flip { get; init; }

    [Description("Random translation in pixels; 0 is off.")]
    public int? Translate { get; init; }

    [Description("Side of a random square set to the mean colour, in pixels; 0 is off.")]
    public int? Cutout { get; init; }

    [Description("Random [brightness, contrast]: added up to +-, multiplied by 1 +-; [] is off.")]
    public IReadOnlyList<double>? ColorJitter { get; init; }

    [Description("Whether a small network chooses the examples (airbench96_faster).")]
    public bool? Proxy { get; init; }

    [Description("proxy: channels of its convolution groups.")]
    public IReadOnlyList<int>? ProxyWidths { get; init; }

    [Description("proxy: its convolutions in a group, 2 or 3.")]
    public int? ProxyDepth { get; init; }

    [Description("proxy: share (0 to 1) of a batch, its highest losses, that trains.")]
    public double? ProxyKeep { get; init; }

    [Description("proxy: it is itself updated every this many steps only.")]
    public int? ProxyBackwardEvery { get; init; }

    [Description("Whether the first convolution whitens the data and stays so; otherwise it is trained.")]
    public bool? Whiten { get; init; }

    [Description("Whether the whitening convolution's bias starts at zero rather than at PyTorch's default.")]
    public bool? ZeroWhitenBias { get; init; }

    [Description("The whitening convolution's bias trains for this many epochs; 0 never.")]
    public double? WhitenBiasEpochs { get; init; }

    [Description("Training images that the whitening filters are computed from.")]
    public int? WhitenImages { get; init; }

    [Description("How 3x3 convolutions start: dirac (identity) or default.")]
    public Init? Init { get; init; }

    [Description("Whether the head's weight starts divided by its own standard deviation.")]
    public bool? NormalizeHead { get; init; }

    [Description("Channels of the convolution groups: three, or four for resnet18.")]
    public IReadOnlyList<int>? Widths { get; init; }

    [Description("Convolutions in a group: 2, or 3 with a residual connection.")]
    public int? Depth { get; init; }

    [Description("Non-linearity of the convolution groups: gelu, silu or relu.")]
    public Activation? Activation { get; init; }

    [Description("Factor on the logits.")]
    public double? LogitScale { get; init; }

    [Description("Share of the batch statistics that enters the running ones (PyTorch's convention).")]
    public double? BnMomentum { get; init; }

    [Description("Test-time augmentation of the reported accuracy: none, mirror, mirror_translate or adaptive.")]
    public Tta? Tta { get; init; }

    /// <summary>Problems that the types cannot express, as "key: found; expected".</summary>
    public static IEnumerable<string> Check(TrainOptions options)
    {
        if (!Airbench.Recipe.All.ContainsKey(options.Recipe))
        {
            yield return $"recipe: '{options.Recipe}' is unknown; expected one of {string.Join(", ", Airbench.Recipe.All.Keys)}";
        }
        if (options.Runs is < 1 or > 10_000)
        {
            yield return $"runs: {options.Runs}; expected 1 to 10000";
        }
        if (options.Threads is < 0 or > 1024)
        {
            yield return $"threads: {options.Threads}; expected 0 (all cores) to 1024";
        }
        if (options.CheckpointEverySeconds < 0)
        {
            yield return $"checkpoint_every_seconds: {options.CheckpointEverySeconds}; expected 0 or more";
        }
        if (options.ValidateEvery < 0)
        {
            yield return $"validate_every: {options.ValidateEvery}; expected 0 or more";
        }
        if (options.Schedule is { Count: not 3 })
        {
            yield return $"schedule: {options.Schedule.Count} numbers; expected three: [start, position of the peak, end]";
        }
        else if (options.ColorJitter is { Count: not (0 or 2) })
        {
            yield return $"color_jitter: {options.ColorJitter.Count} numbers; expected two, [brightness, contrast], or none, [], for off";
        }
        else if (Airbench.Recipe.All.ContainsKey(options.Recipe))
        {
            foreach (var problem in options.Misplaced().Concat(options.ToRecipe().Problems()))
            {
                yield return problem;
            }
        }
    }

    /// <summary>The recipe with every field that these options give.</summary>
    public Recipe ToRecipe()
    {
        var start = WithOptimizer(Airbench.Recipe.All[Recipe]);
        return start with
        {
            Epochs = Epochs ?? start.Epochs,
            BatchSize = BatchSize ?? start.BatchSize,
            Lr1024 = Lr ?? start.Lr1024,
            Momentum = Momentum ?? start.Momentum,
            WeightDecay1024 = (start.Muon is null ? WeightDecay : null) ?? start.WeightDecay1024,
            BiasScaler = BiasScaler ?? start.BiasScaler,
            Muon = start.Muon is not { } muon ? null : muon with
            {
                Lr = MuonLr ?? muon.Lr,
                Momentum = MuonMomentum ?? muon.Momentum,
                BiasLr = BiasLr ?? muon.BiasLr,
                HeadLr = HeadLr ?? muon.HeadLr,
                WeightDecay = WeightDecay ?? muon.WeightDecay,
                Coefficients = MuonCoefficients ?? muon.Coefficients,
                NewtonSchulzSteps = MuonNewtonSchulzSteps ?? muon.NewtonSchulzSteps,
                RenormalizeEvery = MuonRenormalizeEvery ?? muon.RenormalizeEvery,
                RenormalizeGrowth = MuonRenormalizeGrowth ?? muon.RenormalizeGrowth,
                Batched = MuonBatched ?? muon.Batched,
            },
            Schedule = Schedule is [var first, var peak, var end] ? new TriangularSchedule(first, peak, end) : start.Schedule,
            Lookahead = Lookahead ?? start.Lookahead,
            LabelSmoothing = LabelSmoothing ?? start.LabelSmoothing,
            Flip = Flip ?? start.Flip,
            Translate = Translate ?? start.Translate,
            Cutout = Cutout ?? start.Cutout,
            ColorJitter = ColorJitter switch
            {
                null => start.ColorJitter,
                [var brightness, var contrast] => new ColorJitter(brightness, contrast),
                _ => null,
            },
            Proxy = StandingProxy(start) is not { } proxy ? null : new Proxy(
                ProxyWidths ?? proxy.Widths, ProxyDepth ?? proxy.Depth, ProxyKeep ?? proxy.Keep, ProxyBackwardEvery ?? proxy.BackwardEvery),
            Whiten = Whiten ?? start.Whiten,
            ZeroWhitenBias = ZeroWhitenBias ?? start.ZeroWhitenBias,
            WhitenBiasEpochs = WhitenBiasEpochs ?? start.WhitenBiasEpochs,
            WhitenImages = WhitenImages ?? start.WhitenImages,
            Init = Init ?? start.Init,
            NormalizeHead = NormalizeHead ?? start.NormalizeHead,
            Widths = Widths ?? start.Widths,
            Depth = Depth ?? start.Depth,
            Activation = Activation ?? start.Activation,
            LogitScale = LogitScale ?? start.LogitScale,
            BatchNormMomentum = BnMomentum ?? start.BatchNormMomentum,
            Tta = Tta ?? start.Tta,
        };
    }

    /// <summary>The recipe, or the recipe with what belongs to the other optimizer.</summary>
    private Recipe WithOptimizer(Recipe recipe)
    {
        if (Optimizer is null || Optimizer == recipe.Optimizer)
        {
            return recipe;
        }
        var donor = Airbench.Recipe.All[Optimizer == Airbench.Optimizer.Muon ? "airbench94_muon" : "airbench94"];
        return recipe with
        {
            Lr1024 = donor.Lr1024,
            Momentum = donor.Momentum,
            WeightDecay1024 = donor.WeightDecay1024,
            BiasScaler = donor.BiasScaler,
            Muon = donor.Muon,
            Schedule = donor.Schedule,
            Lookahead = donor.Lookahead,
            NormalizeHead = donor.NormalizeHead,
            ZeroWhitenBias = donor.ZeroWhitenBias,
            LogitScale = donor.LogitScale,
        };
    }

    /// <summary>The proxy before its own options.</summary>
    private Proxy? StandingProxy(Recipe recipe) => Proxy switch
    {
        null => recipe.Proxy,
        true => recipe.Proxy ?? Airbench.Recipe.All["airbench96_faster"].Proxy,
        false => null,
    };

    /// <summary>Options that the training would not read: to ignore them would mislead.</summary>
    private IEnumerable<string> Misplaced()
    {
        var recipe = WithOptimizer(Airbench.Recipe.All[Recipe]);
        (string Key, object? Given)[] foreign = recipe.Muon is not null
            ? [("lr", Lr), ("bias_scaler", BiasScaler)]
            :
            [
                ("muon_lr", MuonLr), ("muon_momentum", MuonMomentum), ("bias_lr", BiasLr), ("head_lr", HeadLr), ("muon_coefficients", MuonCoefficients),
                ("muon_newton_schulz_steps", MuonNewtonSchulzSteps), ("muon_renormalize_every", MuonRenormalizeEvery),
                ("muon_renormalize_growth", MuonRenormalizeGrowth), ("muon_batched", MuonBatched),
            ];
        var optimizer = recipe.Muon is not null
            ? "is for the sgd optimizer; expected muon_lr, bias_lr or head_lr with muon"
            : "is for the muon optimizer; expected lr or bias_scaler with sgd, or optimizer: muon";
        (string Key, object? Given)[] whiten = Whiten ?? recipe.Whiten
            ? []
            : [("zero_whiten_bias", ZeroWhitenBias), ("whiten_bias_epochs", WhitenBiasEpochs), ("whiten_images", WhitenImages)];
        (string Key, object? Given)[] proxy = StandingProxy(recipe) is not null
            ? []
            : [("proxy_widths", ProxyWidths), ("proxy_depth", ProxyDepth), ("proxy_keep", ProxyKeep), ("proxy_backward_every", ProxyBackwardEvery)];
        (string Key, object? Given)[] depth = recipe.Architecture == Architecture.Resnet18 ? [("depth", Depth)] : [];
        return Given(foreign, optimizer)
            .Concat(Given(whiten, "is given, but nothing is whitened; expected a recipe that whitens, without whiten: false"))
            .Concat(Given(proxy, "is given, but no proxy chooses examples; expected proxy: true beside it"))
            .Concat(Given(depth, "is given, but resnet18 has two blocks of two convolutions in every stage; expected no depth"));

        static IEnumerable<string> Given((string Key, object? Given)[] options, string problem) =>
            options.Where(option => option.Given is not null).Select(option => $"{option.Key}: {problem}");
    }
}
