using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace Airbench;

/// <summary>
/// Every hyperparameter of a training, as plain values. Names and numbers are those of the airbench paper (arXiv:2404.00498); each
/// of its ideas is a field that can be switched off.
/// </summary>
/// <remarks>
/// A property with a description, here or in a part, is an option of the train stage (see <see cref="Hyperparameter"/>): key, type and range
/// of the file, the flags, the schema and the checks are read from it. To add a hyperparameter is to add a property.
///
/// Learning rate and weight decay of the SGD recipes are decoupled (paper, appendix): the same numbers serve any batch size and
/// momentum. <see cref="Airbench.Muon"/> has its own, as the Muon recipes use plain ones.
/// </remarks>
public sealed record Recipe : IChecked
{
    /// <summary>Name, as in <c>recipe: airbench94</c>.</summary>
    public required string Name { get; init; }

    /// <summary>What it is and where it comes from, one line.</summary>
    public required string Description { get; init; }

    /// <summary>Mean accuracy (0 to 1) with TTA on the original CIFAR-10 that the source reports; the target of <c>benchmark train</c>.</summary>
    public required double TargetAccuracy { get; init; }

    /// <summary>The kind of network.</summary>
    public Architecture Architecture { get; init; } = Architecture.Airbench;

    [Description("Channels of the convolution groups: three, or four for resnet18.")]
    public required IReadOnlyList<int> Widths { get; init; }

    [Description("Convolutions in a group: 2, or 3 with a residual connection.")]
    [Range(2, 3)]
    public int Depth { get; init; } = 2;

    /// <summary>The whitening layer is always followed by GELU.</summary>
    [Description("Non-linearity of the convolution groups: gelu, silu or relu.")]
    public Activation Activation { get; init; } = Activation.Gelu;

    /// <summary>Null is 1 / the last width.</summary>
    [Description("Factor on the logits.")]
    [Range(0, double.MaxValue, MinimumIsExclusive = true)]
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]   // null says something else than the default
    public double? LogitScale { get; init; } = 1.0 / 9;

    [Description("Share of the batch statistics that enters the running ones (PyTorch's convention).")]
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    [OptionKey("bn_momentum")]
    public required double BatchNormMomentum { get; init; }

    [Description("How 3x3 convolutions start: dirac (identity) or default.")]
    public Init Init { get; init; } = Init.Dirac;

    [Description("Whether the head's weight starts divided by its own standard deviation.")]
    public bool NormalizeHead { get; init; }

    [Description("Whether the first convolution whitens the data and stays so; otherwise it is trained.")]
    public bool Whiten { get; init; } = true;

    [Description("Whether the whitening convolution's bias starts at zero rather than at PyTorch's default.")]
    public bool ZeroWhitenBias { get; init; } = true;

    [Description("The whitening convolution's bias trains for this many epochs; 0 never.")]
    [Range(0.0, 100_000.0)]
    public double WhitenBiasEpochs { get; init; } = 3;

    [Description("Training images that the whitening filters are computed from.")]
    [Range(1, int.MaxValue)]
    public int WhitenImages { get; init; } = 5000;

    /// <summary>Training stops mid-epoch where this is not whole.</summary>
    [Description("Passes over the training set, also fractions.")]
    [Range(0.0, 100_000.0, MinimumIsExclusive = true)]
    public required double Epochs { get; init; }

    [Description("Images a step; learning rate and weight decay of the sgd recipes are per example.")]
    [Range(2, 65_536)]
    public required int BatchSize { get; init; }

    [Description("What updates the convolutions: sgd or muon. An optimizer other than the recipe's takes rates, schedule and head from airbench94 or airbench94_muon.")]
    public Optimizer Optimizer => Muon is null ? Optimizer.Sgd : Optimizer.Muon;

    [Description("sgd: learning rate per 1024 examples.")]
    [Range(0, double.MaxValue, MinimumIsExclusive = true)]
    [OptionKey("lr")]
    public double Lr1024 { get; init; }

    [Description("Nesterov momentum of SGD.")]
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public required double Momentum { get; init; }

    /// <summary>Of SGD; <see cref="Airbench.Muon.WeightDecay"/> has the same key.</summary>
    [Description("Weight decay, per 1024 examples with sgd, per example with muon.")]
    [Range(0, double.MaxValue)]
    [OptionKey("weight_decay")]
    public double WeightDecay1024 { get; init; }

    [Description("sgd: batch-norm biases learn this many times faster.")]
    [Range(0, double.MaxValue, MinimumIsExclusive = true)]
    public double BiasScaler { get; init; } = 1;

    /// <summary>Set in the Muon recipes: Muon for the convolutions, plain SGD learning rates for the rest.</summary>
    public Muon? Muon { get; init; }

    [Description("Learning-rate factor: [start, position of the peak, end], linear between, 1 at the peak.")]
    public required TriangularSchedule Schedule { get; init; }

    [Description("Learning rates fall as if the training ended at this share of it, and never below this factor: [share, factor]; [] is off.")]
    public LrTail? LrTail { get; init; }

    [Description("Whether slow weights are averaged in every 5 steps.")]
    public bool Lookahead { get; init; }

    [Description("Weights are averaged at the end: [from this share of the training on, every so many steps, share of the old average]; [] is off.")]
    public TailAverage? TailAverage { get; init; }

    [Description("Share of probability that the loss spreads over all classes.")]
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double LabelSmoothing { get; init; } = 0.2;

    [Description("Mirroring: none, random or alternating.")]
    public Flip Flip { get; init; } = Flip.Alternating;

    /// <summary>Reflect-pads, then crops at random. Reflection cannot pad by more than the smallest image less one.</summary>
    [Description("Random translation in pixels; 0 is off.")]
    [Range(0, NetworkSpec.MinImageSize - 1)]
    public int Translate { get; init; }

    [Description("Side of a random square set to the mean colour, in pixels; 0 is off.")]
    [Range(0, NetworkSpec.MaxImageSize)]
    public int Cutout { get; init; }

    [Description("Random [brightness, contrast]: added up to +-, multiplied by 1 +-; [] is off.")]
    public ColorJitter? ColorJitter { get; init; }

    /// <summary>A step costs what its pixels cost: small images at first, and the full size by the end.</summary>
    [Description("Size of the augmented images in training, as shares (0 to 1) of their full size, spread evenly over the epochs; [] is off.")]
    public IReadOnlyList<double>? Resolutions { get; init; }

    [Description("Whether a small network chooses the examples (airbench96_faster).")]
    public Proxy? Proxy { get; init; }

    [Description("Test-time augmentation of the reported accuracy: none, mirror, mirror_translate or adaptive.")]
    public Tta Tta { get; init; } = Tta.MirrorTranslate;

    /// <summary>All recipes by name.</summary>
    public static IReadOnlyDictionary<string, Recipe> All { get; } = new[]
    {
        Recipes.Airbench94.Recipe,
        Recipes.Airbench94Muon.Recipe,
        Recipes.Airbench95.Recipe,
        Recipes.Airbench96.Recipe,
        Recipes.Airbench96Faster.Recipe,
        Recipes.Speedrun2025.Recipe,
        Recipes.Speedrun2026.Recipe,
        Recipes.Resnet18.Recipe,
    }.ToDictionary(r => r.Name);

    /// <summary>The network that this recipe trains on <paramref name="dataset"/>.</summary>
    public NetworkSpec Network(DatasetManifest dataset) =>
        Network(dataset.ImageSize, dataset.Classes.Count, dataset.Mean, dataset.Std) with { Fit = dataset.Fit };

    /// <summary>The network for images of <paramref name="imageSize"/> pixels and <paramref name="classCount"/> classes.</summary>
    public NetworkSpec Network(int imageSize, int classCount, IReadOnlyList<double> mean, IReadOnlyList<double> std) => new()
    {
        Architecture = Architecture,
        ImageSize = imageSize,
        ClassCount = classCount,
        Mean = mean,
        Std = std,
        Widths = Widths,
        Depth = Depth,
        Activation = Activation,
        LogitScale = LogitScale ?? 1.0 / Widths[^1],
        BatchNormEpsilon = Architecture == Architecture.Airbench ? 1e-12 : 1e-5,
    };

    /// <summary>
    /// Height and width of the images that epoch <paramref name="epoch"/> (from 0) trains on, of those that have
    /// <paramref name="imageSize"/> pixels; see <see cref="Resolutions"/>.
    /// </summary>
    public int SizeIn(int epoch, int imageSize) => Resolutions is { Count: > 0 } shares
        ? (int)Math.Round(imageSize * shares[(int)Math.Min(epoch * shares.Count / (long)Math.Ceiling(Epochs), shares.Count - 1)], MidpointRounding.AwayFromZero)
        : imageSize;

    /// <summary>What is out of range, as "key: found; expected", with the keys of pipeline.yaml.</summary>
    public IEnumerable<string> Problems() => RecipeRules.Problems(this);

    /// <summary>The Muon recipes have learning rates of their own, and 0 for this one.</summary>
    bool IChecked.Heeds(string member) => member != "lr1024" || Optimizer == Optimizer.Sgd;

    /// <summary>Checks the numbers that come from outside, all at once.</summary>
    /// <exception cref="ConfigurationException">Fields are out of range; the message has each one's key, value and range.</exception>
    public void Validate()
    {
        var problems = Problems().ToArray();
        if (problems.Length > 0)
        {
            throw new ConfigurationException($"recipe {Name}: {string.Join("; ", problems)}");
        }
    }
}

/// <summary>The kind of network.</summary>
public enum Architecture
{
    /// <summary>Whitening convolution and three convolution groups (paper, section 2).</summary>
    Airbench,

    /// <summary>ResNet-18 in its CIFAR form (He et al., arXiv:1512.03385, with a 3x3 stem and no first pool): the baseline.</summary>
    Resnet18,

    /// <summary>A network that was trained elsewhere, and a new linear head on its features.</summary>
    Backbone,
}

/// <summary>Non-linearity.</summary>
public enum Activation
{
    /// <summary>Exact GELU, x * (1 + erf(x / sqrt 2)) / 2.</summary>
    Gelu,

    /// <summary>x * sigmoid(x).</summary>
    Silu,

    /// <summary>max(x, 0).</summary>
    Relu,
}

/// <summary>How 3x3 convolutions start.</summary>
public enum Init
{
    /// <summary>PyTorch's default, then the first <c>in</c> filters are the identity (paper, section 3.2).</summary>
    Dirac,

    /// <summary>PyTorch's default: uniform in +-1/sqrt(fan-in).</summary>
    Default,
}

/// <summary>What updates the convolution weights.</summary>
public enum Optimizer
{
    /// <summary>Nesterov SGD.</summary>
    Sgd,

    /// <summary>Muon: momentum, then the nearest semi-orthogonal matrix by Newton-Schulz steps.</summary>
    Muon,
}

/// <summary>Left-right mirroring during training.</summary>
public enum Flip
{
    /// <summary>Never.</summary>
    None,

    /// <summary>Each image with probability 1/2, anew every epoch.</summary>
    Random,

    /// <summary>
    /// Each image with probability 1/2 once, then all images in every second epoch (the paper's section 3.6): two consecutive
    /// epochs show both sides of every image.
    /// </summary>
    Alternating,
}
