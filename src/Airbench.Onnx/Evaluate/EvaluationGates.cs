namespace Airbench.Onnx;

/// <summary>What an evaluation must reach.</summary>
internal static class EvaluationGates
{
    private const string AccuracyMin = "accuracy_min";
    private const string AccuracyPlainMin = "accuracy_plain_min";

    /// <summary>Names that <see cref="EvaluateOptions.Gates"/> may use.</summary>
    public static IReadOnlyList<string> Names { get; } = [AccuracyMin, AccuracyPlainMin];

    /// <summary>Every bound that <paramref name="metrics"/> miss, one sentence each.</summary>
    public static IEnumerable<string> Missed(EvaluationMetrics metrics, IReadOnlyDictionary<string, double> gates)
    {
        if (gates.TryGetValue(AccuracyMin, out var bound) && metrics.Accuracy < bound)
        {
            yield return Below("accuracy", metrics.Accuracy, metrics.Correct, AccuracyMin);
        }
        if (gates.TryGetValue(AccuracyPlainMin, out bound) && metrics.AccuracyPlain < bound)
        {
            yield return Below("plain accuracy", metrics.AccuracyPlain, metrics.CorrectPlain, AccuracyPlainMin);
        }

        string Below(string what, double value, int correct, string gate) =>
            FormattableString.Invariant($"{what} {value:0.0000} ({correct} of {metrics.Count}) is below {gate} {bound}");
    }

    /// <summary>
    /// Where ONNX Runtime and TorchSharp counted correct answers on the same images with the same weights in full precision,
    /// the counts may differ by near-ties alone: at most 1 image, or 2 in 10,000. Counts with augmentation are compared where both
    /// sides took the same views; adaptive ones differ by design (see <see cref="Fp32Score"/>).
    /// </summary>
    public static IEnumerable<string> Differences(EvaluationMetrics metrics, Fp32Score torch)
    {
        if (torch.Count != metrics.Count)
        {
            yield return $"TorchSharp scored {torch.Count} images, ONNX Runtime {metrics.Count}, of the same split";
            yield break;
        }
        var allowed = Math.Max(1, 2L * metrics.Count / 10_000);
        if (Math.Abs(metrics.CorrectPlain - torch.CorrectPlain) > allowed)
        {
            yield return Apart("plain", metrics.CorrectPlain, torch.CorrectPlain);
        }
        if (metrics.Tta == torch.Tta && metrics.Tta != Tta.Adaptive && Math.Abs(metrics.Correct - torch.CorrectTta) > allowed)
        {
            yield return Apart($"with TTA ({torch.Tta})", metrics.Correct, torch.CorrectTta);
        }

        string Apart(string what, int onnx, int torchSharp) => FormattableString.Invariant(
            $"correct answers {what}: ONNX Runtime {onnx}, TorchSharp {torchSharp} of {metrics.Count} with the same weights; ") +
            $"expected at most {allowed} apart";
    }
}
