namespace Airbench;

/// <summary>
/// A network as data (recipes.md, "Network"): the training network and the ONNX writer both walk <see cref="Layers"/>,
/// so they compute the same layers in the same order under the same names.
/// </summary>
public sealed record NetworkSpec : IChecked
{
    /// <summary>Smallest input that leaves at least one pixel for the last pool.</summary>
    public const int MinImageSize = 16;

    /// <summary>Largest input that is taken for a picture to classify rather than a mistake.</summary>
    public const int MaxImageSize = 1024;

    /// <summary>Height and width of the input, pixels.</summary>
    public required int ImageSize { get; init; }

    /// <summary>How the images that it learned became square, and so how those it is shown must.</summary>
    public Fit Fit { get; init; }

    /// <summary>Classes K.</summary>
    public required int ClassCount { get; init; }

    /// <summary>Per-channel mean of pixel / 255 that the input is normalized with.</summary>
    public required IReadOnlyList<double> Mean { get; init; }

    /// <summary>Per-channel standard deviation of pixel / 255.</summary>
    public required IReadOnlyList<double> Std { get; init; }

    /// <summary>The kind of network.</summary>
    public Architecture Architecture { get; init; } = Architecture.Airbench;

    /// <summary>Channels of the three convolution groups, or of the four stages of a ResNet; of a backbone the number of its features.</summary>
    public required IReadOnlyList<int> Widths { get; init; }

    /// <summary>Convolutions in a group: 2, or 3 with a residual connection; 0 for a backbone.</summary>
    public required int Depth { get; init; }

    /// <summary>Non-linearity of the convolution groups.</summary>
    public Activation Activation { get; init; } = Activation.Gelu;

    /// <summary>Factor on the logits.</summary>
    public required double LogitScale { get; init; }

    /// <summary>Added to the variance in batch normalization.</summary>
    public double BatchNormEpsilon { get; init; } = 1e-12;

    /// <summary>Output channels of the whitening convolution: the 12 eigenvectors of 2x2x3 patches and their negatives.</summary>
    public const int WhitenWidth = 24;

    /// <summary>The layers in order of computation.</summary>
    public IReadOnlyList<Layer> Layers() => Architecture switch
    {
        Architecture.Resnet18 => ResnetLayers(),
        Architecture.Backbone =>
        [
            new BackboneLayer("backbone", Widths[0]),
            new LinearLayer("head", Widths[0], ClassCount, LogitScale) { HasBias = true, Role = LayerRole.Head },
        ],
        _ => AirbenchLayers(),
    };

    /// <summary>The layers in order of computation, each with what it reads and the shapes on both sides.</summary>
    public IEnumerable<SizedLayer> SizedLayers()
    {
        var outputs = new Dictionary<string, Plane>();
        string? last = null;
        foreach (var layer in Layers())
        {
            var source = layer.Input ?? last;
            var input = source is null ? new Plane(3, ImageSize, ImageSize) : outputs[source];
            var output = layer.Output(input);
            outputs.Add(last = layer.Name, output);
            yield return new SizedLayer(layer, source, input, output);
        }
    }

    /// <summary>The linear layer that gives the logits.</summary>
    public LinearLayer Head() => Layers().OfType<LinearLayer>().Single(layer => layer.Role == LayerRole.Head);

    /// <summary>Name and shape of every tensor in <c>weights.safetensors</c>, in layer order.</summary>
    public IEnumerable<(string Name, long[] Shape)> Parameters() => Layers().SelectMany(layer => layer.Parameters());

    /// <summary>Weights that a training starts with or learns; not the running statistics of batch norm.</summary>
    public long ParameterCount() => Parameters()
        .Where(p => !p.Name.Contains(".running_", StringComparison.Ordinal))
        .Sum(p => p.Shape.Aggregate(1L, (product, extent) => product * extent));

    /// <summary>Checks the numbers that come from outside.</summary>
    /// <exception cref="ConfigurationException">A field is out of range; the message names it, its value and the range.</exception>
    public void Validate()
    {
        if (Problems().FirstOrDefault() is { } problem)
        {
            throw new ConfigurationException($"network: {problem}");
        }
    }

    /// <inheritdoc/>
    public IEnumerable<string> Problems() =>
    [
        .. Problem(ImageSize is >= MinImageSize and <= MaxImageSize, nameof(ImageSize), ImageSize, $"{MinImageSize} to {MaxImageSize}"),
        .. Problem(ClassCount is >= 2 and <= 100_000, nameof(ClassCount), ClassCount, "2 to 100000"),
        .. Problem(Mean.Count == 3 && Mean.All(double.IsFinite), nameof(Mean), string.Join(", ", Mean), "three finite numbers"),
        .. Problem(Std.Count == 3 && Std.All(s => double.IsFinite(s) && s > 0), nameof(Std), string.Join(", ", Std), "three positive numbers"),
        .. Problem(AreWidths(Widths, Architecture), nameof(Widths), string.Join(", ", Widths), ExpectedWidths(Architecture)),
        .. Problem(Architecture == Architecture.Backbone ? Depth == 0 : Depth is 2 or 3, nameof(Depth), Depth, Architecture == Architecture.Backbone ? "0: a backbone has its own" : "2 or 3"),
        .. Problem(double.IsFinite(LogitScale) && LogitScale > 0, nameof(LogitScale), LogitScale, "a positive number"),
        .. Problem(BatchNormEpsilon is > 0 and < 1, nameof(BatchNormEpsilon), BatchNormEpsilon, "between 0 and 1"),
    ];

    internal static bool AreWidths(IReadOnlyList<int> widths, Architecture architecture) =>
        widths.Count == Groups(architecture) && widths.All(width => width > 0 && width <= MostChannels(architecture));

    internal static string ExpectedWidths(Architecture architecture) => FormattableString.Invariant($"{Groups(architecture)} widths from 1 to {MostChannels(architecture)}");

    private static int Groups(Architecture architecture) => architecture switch
    {
        Architecture.Resnet18 => 4,
        Architecture.Backbone => 1,
        _ => 3,
    };

    /// <summary>A backbone may give the values of a whole plane.</summary>
    private static int MostChannels(Architecture architecture) => architecture == Architecture.Backbone ? 1 << 20 : 8192;

    /// <summary>Shapes for a 32x32 input.</summary>
    private List<Layer> AirbenchLayers()
    {
        var layers = new List<Layer>
        {
            new ConvLayer("whiten", 3, WhitenWidth, Kernel: 2, Padding: 0) { HasBias = true, Role = LayerRole.Whitening },   // (N, 24, 31, 31)
            new ActivationLayer("whiten.gelu", Activation.Gelu),
        };
        var (channels, act) = (WhitenWidth, NameOf(Activation));
        for (var number = 1; number <= Widths.Count; number++)
        {
            var (group, width) = ($"group{number}", Widths[number - 1]);
            Add(new ConvLayer($"{group}.conv1", channels, width, Kernel: 3, Padding: 1));
            Add(new MaxPoolLayer($"{group}.pool", Size: 2));                                      // 31 -> 15 -> 7 -> 3
            Add(new BatchNormLayer($"{group}.norm1", width));
            Add(new ActivationLayer($"{group}.{act}1", Activation));
            for (var j = 2; j <= Depth; j++)
            {
                Add(new ConvLayer($"{group}.conv{j}", width, width, Kernel: 3, Padding: 1));
                Add(new BatchNormLayer($"{group}.norm{j}", width));
                if (j == 3)
                {
                    Add(new AddLayer($"{group}.add", From: $"{group}.{act}1"));
                }
                Add(new ActivationLayer($"{group}.{act}{j}", Activation));
            }
            channels = width;

            void Add(Layer layer) => layers.Add(layer with { Group = number });
        }
        layers.Add(new GlobalMaxPoolLayer("pool"));                                               // (N, W3)
        layers.Add(new LinearLayer("head", channels, ClassCount, LogitScale) { Role = LayerRole.Head });   // (N, K)
        return layers;
    }

    /// <summary>Two basic blocks a stage; shapes for a 32x32 input.</summary>
    private List<Layer> ResnetLayers()
    {
        var (channels, act) = (Widths[0], NameOf(Activation));
        var layers = new List<Layer>
        {
            new ConvLayer("stem.conv", 3, channels, Kernel: 3, Padding: 1),                       // (N, W1, 32, 32)
            new BatchNormLayer("stem.norm", channels) { HasScale = true },
            new ActivationLayer($"stem.{act}", Activation),
        };
        var input = layers[^1].Name;
        for (var stage = 1; stage <= Widths.Count; stage++)                                       // 32 -> 16 -> 8 -> 4
        {
            for (var i = 0; i < 2; i++)
            {
                var (block, width) = ($"stage{stage}.block{i + 1}", Widths[stage - 1]);
                var stride = stage > 1 && i == 0 ? 2 : 1;
                var shortcut = input;
                if (stride > 1 || width != channels)
                {
                    Add(new ConvLayer($"{block}.shortcut.conv", channels, width, Kernel: 1, Padding: 0) { Stride = stride, Input = input });
                    Add(new BatchNormLayer($"{block}.shortcut.norm", width) { HasScale = true });
                    shortcut = layers[^1].Name;
                }
                Add(new ConvLayer($"{block}.conv1", channels, width, Kernel: 3, Padding: 1) { Stride = stride, Input = input });
                Add(new BatchNormLayer($"{block}.norm1", width) { HasScale = true });
                Add(new ActivationLayer($"{block}.{act}1", Activation));
                Add(new ConvLayer($"{block}.conv2", width, width, Kernel: 3, Padding: 1));
                Add(new BatchNormLayer($"{block}.norm2", width) { HasScale = true });
                Add(new AddLayer($"{block}.add", From: shortcut));
                Add(new ActivationLayer($"{block}.{act}2", Activation));
                (input, channels) = (layers[^1].Name, width);
            }

            void Add(Layer layer) => layers.Add(layer with { Group = stage });
        }
        layers.Add(new GlobalAveragePoolLayer("pool"));                                           // (N, W4)
        layers.Add(new LinearLayer("head", channels, ClassCount, LogitScale) { HasBias = true, Role = LayerRole.Head });   // (N, K)
        return layers;
    }

    private static string NameOf(Activation activation) => activation switch
    {
        Activation.Silu => "silu",
        Activation.Relu => "relu",
        _ => "gelu",
    };

    private static IEnumerable<string> Problem(bool holds, string field, object found, string expected) =>
        holds ? [] : [FormattableString.Invariant($"{field} is {found}; expected {expected}")];
}
