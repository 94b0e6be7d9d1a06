namespace Airbench.Onnx;

/// <summary>Options of <c>airbench predict</c>.</summary>
public sealed record PredictOptions : ClassifierOptions
{
    /// <summary>Problems of the values, as "key: found; expected".</summary>
    public static IEnumerable<string> Check(PredictOptions options) => CheckClassifier(options);
}
