namespace Airbench;

/// <summary>
/// Every hyperparameter of a training, as plain values. Names and numbers are those of the airbench paper (arXiv:2404.00498); each
/// of its ideas is a field that can be switched off.
/// </summary>
/// <remarks>
/// Learning rate and weight decay of the SGD recipes are decoupled (paper, appendix): the same numbers serve any batch size and
/// momentum. <see cref="Airbench.Muon"/> has its own, as the Muon recipes use plain ones.
/// </remarks>
public sealed record Recipe
{
    /// <summary>Name, as in <c>recipe: airbench94</c>.</summary>
    public required string Name { get; init; }

    /// <summary>What it is and where it comes from, one line.</summary>
    public required string Description { get; init; }

    /// <summary>Mean accuracy (0 to 1) with TTA on the original CIFAR-10 that the source reports; the target of <c>benchmark train</c>.</summary>
    public required double TargetAccuracy { get; init; }

    /// <summary>The kind of network.</summary>
    public Architecture Architecture { get; init; } = Architecture.Airbench;

    /// <summary>Channels of the convolution groups (three; four stages for <see cref="Architecture.Resnet18"/>).</summary>
    public required IReadOnlyList<int> Widths { get; init; }

    /// <summary>Convolutions in a group: 2, or 3 with a residual connection.</summary>
    public int Depth { get; init; } = 2;

    /// <summary>Non-linearity inside the convolution groups; the whitening layer is always followed by GELU.</summary>
    public Activation Activation { get; init; } = Activation.Gelu;

    /// <summary>Factor on the logits; null is 1 / the last width.</summary>
    public double? LogitScale { get; init; } = 1.0 / 9;

    /// <summary>Share of the batch statistics that enters the running ones (PyTorch's convention).</summary>
    public required double BatchNormMomentum { get; init; }

    /// <summary>How 3x3 convolutions start.</summary>
    public Init Init { get; init; } = Init.Dirac;

    /// <summary>Whether the head's weight starts divided by its own standard deviation.</summary>
    public bool NormalizeHead { get; init; }

    /// <summary>Whether the first convolution starts as, and stays, a whitening of the data; otherwise it is trained from the default.</summary>
    public bool Whiten { get; init; } = true;

    /// <summary>Whether the whitening convolution's bias starts at zero rather than at PyTorch's default.</summary>
    public bool ZeroWhitenBias { get; init; } = true;

    /// <summary>The whitening convolution's bias trains for this many epochs; 0 never.</summary>
    public double WhitenBiasEpochs { get; init; } = 3;

    /// <summary>Training images that the whitening filters are computed from.</summary>
    public int WhitenImages { get; init; } = 5000;

    /// <summary>Passes over the training set; training stops mid-epoch where this is not whole.</summary>
    public required double Epochs { get; init; }

    /// <summary>Images a step.</summary>
    public required int BatchSize { get; init; }

    /// <summary>What updates the convolution weights.</summary>
    public Optimizer Optimizer => Muon is null ? Optimizer.Sgd : Optimizer.Muon;

    /// <summary>SGD: learning rate per 1024 examples.</summary>
    public double Lr1024 { get; init; }

    /// <summary>Nesterov momentum of SGD.</summary>
    public required double Momentum { get; init; }

    /// <summary>SGD: weight decay per 1024 examples.</summary>
    public double WeightDecay1024 { get; init; }

    /// <summary>SGD: batch-norm biases learn this many times faster.</summary>
    public double BiasScaler { get; init; } = 1;

    /// <summary>Set in the Muon recipes: Muon for the convolutions, plain SGD learning rates for the rest.</summary>
    public Muon? Muon { get; init; }

    /// <summary>Learning-rate factor over the training.</summary>
    public required TriangularSchedule Schedule { get; init; }

    /// <summary>Whether slow weights are averaged in every 5 steps.</summary>
    public bool Lookahead { get; init; }

    /// <summary>Share of probability that the loss spreads over all classes.</summary>
    public double LabelSmoothing { get; init; } = 0.2;

    /// <summary>How images are mirrored.</summary>
    public Flip Flip { get; init; } = Flip.Alternating;

    /// <summary>Reflect-pads by this many pixels, then crops at random; 0 is off.</summary>
    public int Translate { get; init; }

    /// <summary>Side of a square, at a random place, that is set to the mean colour; 0 is off.</summary>
    public int Cutout { get; init; }

    /// <summary>Set where brightness and contrast change at random.</summary>
    public ColorJitter? ColorJitter { get; init; }

    /// <summary>Set where a small network first chooses the examples that the large one trains on.</summary>
    public Proxy? Proxy { get; init; }

    /// <summary>Test-time augmentation of the reported accuracy.</summary>
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
        Recipes.Resnet18.Recipe,
    }.ToDictionary(r => r.Name);

    /// <summary>The network that this recipe trains on <paramref name="dataset"/>.</summary>
    public NetworkSpec Network(DatasetManifest dataset) => Network(dataset.ImageSize, dataset.Classes.Count, dataset.Mean, dataset.Std);

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

    /// <summary>What is out of range, as "key: found; expected", with the keys of pipeline.yaml.</summary>
    public IEnumerable<string> Problems() => RecipeRules.Problems(this);

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

/// <summary>
/// Muon for every convolution but whiten, and the learning rates of Nesterov SGD for the rest. Learning rates are plain (per step);
/// <see cref="WeightDecay"/> is per example: a group's L2 decay is WeightDecay * batch / its learning rate.
/// </summary>
public sealed record Muon
{
    /// <summary>Learning rate of the convolutions.</summary>
    public required double Lr { get; init; }

    /// <summary>Nesterov momentum of the convolutions.</summary>
    public required double Momentum { get; init; }

    /// <summary>Learning rate of batch-norm biases and of the whitening bias.</summary>
    public required double BiasLr { get; init; }

    /// <summary>Learning rate of the head.</summary>
    public required double HeadLr { get; init; }

    /// <summary>Weight decay of biases and head, per example.</summary>
    public required double WeightDecay { get; init; }

    /// <summary>Coefficients (a, b, c) of the quintic X := aX + (bA + cAA)X, A = XX^T.</summary>
    public required IReadOnlyList<double> Coefficients { get; init; }

    /// <summary>Newton-Schulz steps.</summary>
    public int NewtonSchulzSteps { get; init; } = 3;

    /// <summary>Weights are rescaled to norm sqrt(out) every this many steps,</summary>
    public int RenormalizeEvery { get; init; } = 1;

    /// <summary>plus this many times the progress (0 to 1) of the training, rounded down.</summary>
    public int RenormalizeGrowth { get; init; }

    /// <summary>Whether all convolutions are orthogonalized as one padded batch.</summary>
    public bool Batched { get; init; }
}

/// <summary>Per image, after normalization: (x + brightness) * contrast.</summary>
/// <param name="Brightness">Added, uniform in +-this.</param>
/// <param name="Contrast">Factor, uniform in 1 +- this.</param>
public sealed record ColorJitter(double Brightness, double Contrast);

/// <summary>
/// A small network of the same kind trains first, on the same batches; of each batch only the examples with its highest losses train
/// it, and later the large network.
/// </summary>
/// <param name="Widths">Channels of its groups.</param>
/// <param name="Depth">Its convolutions in a group.</param>
/// <param name="Keep">Share (0 to 1) of a batch that trains.</param>
/// <param name="BackwardEvery">The proxy itself is updated every this many steps only.</param>
public sealed record Proxy(IReadOnlyList<int> Widths, int Depth, double Keep, int BackwardEvery);

/// <summary>
/// Piecewise linear factor on the learning rate: <paramref name="Start"/>, 1 at <paramref name="Peak"/> of the training, <paramref name="End"/>.
/// </summary>
public sealed record TriangularSchedule(double Start, double Peak, double End)
{
    /// <summary>Factor at <paramref name="step"/> (0-based) of <paramref name="totalSteps"/>.</summary>
    public double At(int step, int totalSteps)
    {
        var corner = (int)(Peak * totalSteps);
        return step < corner
            ? Start + ((1 - Start) * step / corner)
            : 1 + ((End - 1) * (step - corner) / Math.Max(1, totalSteps - corner));
    }
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
