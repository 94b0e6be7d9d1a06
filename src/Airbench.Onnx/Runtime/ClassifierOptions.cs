using System.ComponentModel;

namespace Airbench.Onnx;

/// <summary>How a classifier is fed and run: what evaluate and predict have in common.</summary>
public record ClassifierOptions
{
    /// <summary>
    /// Default of <see cref="AdaptiveThreshold"/>: no class has most of the probability. Higher ones soon cost as much as all views for
    /// everything, as label smoothing keeps even sure answers low (0.2 over 10 classes: at 0.82).
    /// </summary>
    public const double DefaultAdaptiveThreshold = 0.5;

    /// <summary>Views of an image that vote.</summary>
    [Description("Test-time augmentation: none, mirror (2 views), mirror_translate (6 views) or adaptive (6 views for low-confidence images). " +
        "Plain accuracy is reported as well.")]
    public Tta Tta { get; init; } = Tta.MirrorTranslate;

    /// <summary>Bound of <see cref="Tta.Adaptive"/>.</summary>
    [Description("With tta: adaptive, images whose best class has a lower probability than this (0 to 1) when unaugmented get all 6 views.")]
    public double AdaptiveThreshold { get; init; } = DefaultAdaptiveThreshold;

    /// <summary>Images a call.</summary>
    [Description("Images a call of ONNX Runtime, 1 to 10000. Changes speed and memory, not the result.")]
    public int BatchSize { get; init; } = 100;

    /// <summary>Threads of one operator.</summary>
    [Description("Threads, 0 for one per core.")]
    public int Threads { get; init; }

    /// <summary>How far ONNX Runtime rewrites the graph.</summary>
    [Description("Graph optimization of ONNX Runtime: all, extended, basic or disabled.")]
    public GraphOptimization GraphOptimization { get; init; }

    /// <summary>Options of the execution provider.</summary>
    [Description("Options of ONNX Runtime's CUDA execution provider by its own names, for example { cudnn_conv_algo_search: HEURISTIC }.")]
    public Dictionary<string, string> ProviderOptions { get; init; } = [];

    /// <summary>Input of the graph.</summary>
    [Description("Of an ONNX file: name of its image input, checked against the file. A second input is refused, as nothing gives it a value.")]
    public string? InputName { get; init; }

    /// <summary>Planes or interleaved.</summary>
    [Description("Of an ONNX file: nchw or nhwc; needed where the shape leaves it open.")]
    public PixelLayout? Layout { get; init; }

    /// <summary>Order of the colours.</summary>
    [Description("Of an ONNX file: order of the colours, rgb (the default) or bgr.")]
    public ColorOrder? ColorOrder { get; init; }

    /// <summary>Factor of the pixels.</summary>
    [Description("Of an ONNX file with a float input: value = (pixel * scale - mean) / std with pixels 0 to 255, so 0.00392156862745098 (1/255) or 1.")]
    public double? Scale { get; init; }

    /// <summary>Subtracted after scaling.</summary>
    [Description("Of an ONNX file with a float input: means to subtract after scaling, in the order red, green, blue [default: 0, 0, 0].")]
    public IReadOnlyList<double>? Mean { get; init; }

    /// <summary>Divisor after that.</summary>
    [Description("Of an ONNX file with a float input: what to divide by after that, in the order red, green, blue [default: 1, 1, 1].")]
    public IReadOnlyList<double>? Std { get; init; }

    /// <summary>Height and width.</summary>
    [Description("Of an ONNX file: height and width of the images, pixels; needed where the shape leaves them open.")]
    public int? ImageSize { get; init; }

    /// <summary>How images that are not square become so.</summary>
    [Description("Of an ONNX file: how images that are not square become so, as in its training: crop (short side resized, centre kept; the default), " +
        "pad (long side resized, the rest black) or stretch (both sides resized).")]
    public Fit? Fit { get; init; }

    /// <summary>Output of the graph.</summary>
    [Description("Of an ONNX file: the output with the scores; needed where several could be.")]
    public string? OutputName { get; init; }

    /// <summary>What the scores are.</summary>
    [Description("Of an ONNX file: logits or probabilities; needed where neither the output's name nor the operator before it says.")]
    public OutputKind? OutputKind { get; init; }

    /// <summary>Class names.</summary>
    [Description("Of an ONNX file: a text file with the class names, one a line in the order of the scores; needed where the file's metadata has none.")]
    public string? Labels { get; init; }

    /// <summary>Problems of the values, as "key: found; expected".</summary>
    protected static IEnumerable<string> CheckClassifier(ClassifierOptions options)
    {
        if (options.AdaptiveThreshold is not (>= 0 and <= 1))
        {
            yield return FormattableString.Invariant($"adaptive_threshold: {options.AdaptiveThreshold}; expected 0 to 1");
        }
        else if (options.AdaptiveThreshold != DefaultAdaptiveThreshold && options.Tta != Tta.Adaptive)
        {
            yield return FormattableString.Invariant($"adaptive_threshold: {options.AdaptiveThreshold}, which does nothing without tta adaptive; set that too, or leave it out");
        }
        if (options.Labels?.Length == 0)
        {
            yield return "labels: empty; expected a text file with one class name a line";
        }
        if (options.BatchSize is < 1 or > 10_000)
        {
            yield return FormattableString.Invariant($"batch_size: {options.BatchSize}; expected 1 to 10000");
        }
        if (options.Threads is < 0 or > 1024)
        {
            yield return FormattableString.Invariant($"threads: {options.Threads}; expected 0 to 1024");
        }
        foreach (var problem in PixelNumbers.Problems(options.Scale, options.Mean, options.Std))
        {
            yield return problem;
        }
        if (options.ImageSize is < 1 or > ModelDescription.MaxImageSize)
        {
            yield return FormattableString.Invariant($"image_size: {options.ImageSize}; expected 1 to {ModelDescription.MaxImageSize}");
        }
    }
}
