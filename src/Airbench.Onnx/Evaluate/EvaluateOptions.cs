using System.ComponentModel;
using Airbench.Data;

namespace Airbench.Onnx;

/// <summary>Options of the evaluate stage.</summary>
public sealed record EvaluateOptions : ClassifierOptions
{
    /// <summary>Most images a call.</summary>
    public const int MaxBatchSize = 10_000;

    /// <summary>What to evaluate; the first is what the others are compared with.</summary>
    [Description("One model or several: variants of the bundle (fp32, int8), ONNX files (model.onnx), other bundles (exports/x, exports/x:int8). " +
        "Several are compared with the first, on the same images.")]
    public IReadOnlyList<string> Model { get; init; } = ["fp32"];

    /// <summary>Where labelled images are, instead of a prepared set.</summary>
    [Description("Labelled images instead of a prepared set: a folder or archive (.tar, .tar.gz, .zip) of <class>/* or test/<class>/*, " +
        "or a CSV file with the columns path and label.")]
    public string? Data { get; init; }

    /// <summary>Images to evaluate on.</summary>
    [Description("Split of the data set: test or train.")]
    public Split Split { get; init; } = Split.Test;

    /// <summary>Share of the work.</summary>
    [Description("i/n: only every n-th batch, from the i-th. `airbench merge` makes one evaluation of all n.")]
    public string? Shard { get; init; }

    /// <summary>Share of images that may be broken.</summary>
    [Description("Share (0 to 1) of images that may be broken; more fail the stage, with their rows and errors in predictions.csv.")]
    public double MaxBadFraction { get; init; }

    /// <summary>Bound on archives.</summary>
    [Description("Most bytes that an archive may unpack to, a guard against archive bombs.")]
    public long MaxUnpackedBytes { get; init; } = 1L << 40;

    /// <summary>Encoding of the names in a .zip that are not marked as UTF-8; null for UTF-8.</summary>
    [Description(NameEncodingOption.Description)]
    public string? NameEncoding { get; init; }

    /// <summary>Bounds that fail the stage when missed.</summary>
    [Description("Bounds that fail the stage when missed: accuracy_min (with TTA) and accuracy_plain_min, 0 to 1.")]
    public Dictionary<string, double> Gates { get; init; } = [];

    /// <summary>Whether a model is named that only a bundle among the inputs can have.</summary>
    public static bool NeedBundle(EvaluateOptions options) => options.Model.Any(IsVariant);

    /// <summary>Whether <paramref name="model"/> is the name of a variant, not a path.</summary>
    public static bool IsVariant(string model) => ModelReference.IsVariantName(model);

    /// <summary>Problems of the values, as "key: found; expected".</summary>
    public static IEnumerable<string> Check(EvaluateOptions options)
    {
        if (options.Model.Count == 0 || options.Model.Any(string.IsNullOrEmpty))
        {
            yield return "model: empty; expected a variant, such as fp32, or an ONNX file";
        }
        if (options.Data?.Length == 0)
        {
            yield return "data: empty; expected a folder, an archive or a CSV file";
        }
        foreach (var problem in CheckClassifier(options))
        {
            yield return problem;
        }
        if (options.Shard is { } shard && Airbench.Data.Shard.Parse(shard) is null)
        {
            yield return $"shard: '{shard}'; expected i/n with i from 1 to n, and n at most {Airbench.Data.Shard.MaxCount}";
        }
        if (options.MaxBadFraction is not (>= 0 and <= 1))
        {
            yield return FormattableString.Invariant($"max_bad_fraction: {options.MaxBadFraction}; expected 0 to 1");
        }
        if (options.MaxUnpackedBytes < 1)
        {
            yield return FormattableString.Invariant($"max_unpacked_bytes: {options.MaxUnpackedBytes}; expected at least 1");
        }
        if (NameEncodingOption.Problem(options.NameEncoding) is { } unknown)
        {
            yield return unknown;
        }
        foreach (var (name, bound) in options.Gates)
        {
            if (!EvaluationGates.Names.Contains(name))
            {
                yield return $"gates.{name}: unknown; expected {string.Join(" or ", EvaluationGates.Names)}";
            }
            else if (bound is not (>= 0 and <= 1))
            {
                yield return FormattableString.Invariant($"gates.{name}: {bound}; expected 0 to 1");
            }
        }
    }
}
