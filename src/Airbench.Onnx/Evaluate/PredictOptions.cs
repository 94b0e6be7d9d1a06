using System.ComponentModel;
using Airbench.Data;

namespace Airbench.Onnx;

/// <summary>Options of <c>airbench predict</c>.</summary>
public sealed record PredictOptions : ClassifierOptions
{
    /// <summary>Encoding of the names in a .zip that are not marked as UTF-8; null for UTF-8.</summary>
    [Description(NameEncodingOption.Description)]
    public string? NameEncoding { get; init; }

    /// <summary>Problems of the values, as "key: found; expected".</summary>
    public static IEnumerable<string> Check(PredictOptions options) =>
        NameEncodingOption.Problem(options.NameEncoding) is { } problem ? CheckClassifier(options).Append(problem) : CheckClassifier(options);
}
