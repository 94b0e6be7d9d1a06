using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Airbench.Data;

namespace Airbench.Onnx;

/// <summary>Options of <c>airbench quantize</c>; what the file's pixels are is said by <see cref="BackboneInput"/>.</summary>
public sealed record QuantizeOptions
{
    /// <summary>How ranges are chosen.</summary>
    [Description("How the ranges of inner values are chosen, from at most half of the images.")]
    public CalibrationOptions Calibration { get; init; } = new();

    /// <summary>Layers that stay in float.</summary>
    [Description("Layers that stay in float: first, last, or names of nodes. Further ones do where agreement needs it.")]
    public IReadOnlyList<string> FloatLayers { get; init; } = [];

    /// <summary>Class names.</summary>
    [Description("A text file with the class names, one a line in the order of the scores, where the file does not name them.")]
    public string? Labels { get; init; }

    /// <summary>Height and width.</summary>
    [Description("Height and width where the file leaves them open, pixels [default: 224].")]
    public int? ImageSize { get; init; }

    /// <summary>How images that are not square become so.</summary>
    [Description("How images that are not square become so, as in the model's training: crop (the default), pad or stretch.")]
    public Fit? Fit { get; init; }

    /// <summary>Bound on lost accuracy, 0 to 1.</summary>
    [Description("Accuracy that may be lost, 0 to 1, on labelled images. Without it: the original's class on 98% of the images that calibration did not see, and no " +
        "significant loss of right answers (McNemar); with 1000 labelled images or more 0.003.")]
    public double? MaxDrop { get; init; }

    /// <summary>Most images that are compared.</summary>
    [Description("Most images on which the two models are compared.")]
    [Range(10, 1_000_000)]
    public int MaxImages { get; init; } = 5000;

    /// <summary>Seed of the choice of images.</summary>
    [Description("Seed of the choice of images.")]
    public int Seed { get; init; } = 1;

    /// <summary>Encoding of the names in a .zip that are not marked as UTF-8; null for UTF-8.</summary>
    [Description(NameEncodingOption.Description)]
    public string? NameEncoding { get; init; }

    /// <summary>Problems of the values, as "key: found; expected".</summary>
    public static IEnumerable<string> Check(QuantizeOptions options)
    {
        foreach (var problem in CalibrationOptions.Check(options.Calibration))
        {
            yield return problem;
        }
        if (options.FloatLayers.Distinct().Count() != options.FloatLayers.Count)
        {
            yield return $"float_layers: [{string.Join(", ", options.FloatLayers)}]; expected each name once";
        }
        if (options.MaxDrop is { } drop && drop is not (>= 0 and <= 1))
        {
            yield return FormattableString.Invariant($"max_drop: {drop}; expected 0 to 1");
        }
        if (options.ImageSize is < 1 or > ModelDescription.MaxImageSize)
        {
            yield return FormattableString.Invariant($"image_size: {options.ImageSize}; expected 1 to {ModelDescription.MaxImageSize}");
        }
        if (options.MaxImages is < 10 or > 1_000_000)
        {
            yield return FormattableString.Invariant($"max_images: {options.MaxImages}; expected 10 to 1000000");
        }
        if (NameEncodingOption.Problem(options.NameEncoding) is { } encoding)
        {
            yield return encoding;
        }
    }
}
