namespace Airbench.Onnx;

/// <summary>What a variant may lose against fp32 on the test split.</summary>
internal static class VariantGate
{
    /// <summary>Lets pass, or names every variant that lost too much.</summary>
    /// <exception cref="GateException">One did.</exception>
    public static void Check(IReadOnlyDictionary<string, VariantFile> variants, ExportOptions options)
    {
        var missed = variants.Where(variant => variant.Key != ExportOptions.Fp32)
            .Select(variant => Missed(variant.Key, variant.Value.Score!, variants[ExportOptions.Fp32].Score!, options.MaxDropOf(variant.Key)))
            .OfType<string>().ToList();
        if (missed.Count > 0)
        {
            throw new GateException(string.Join("; ", missed));
        }
    }

    private static string? Missed(string name, VariantScore score, VariantScore fp32, double maxDrop)
    {
        // In images, as shares such as 0.003 are not exact in binary.
        var allowed = (int)Math.Floor((maxDrop * score.Count) + 1e-9);
        return fp32.Correct - score.Correct <= allowed
            ? null
            : FormattableString.Invariant(
                $"{name}: {score.Correct} of {score.Count} test images correct, fp32 {fp32.Correct}: a drop of {score.Drop:0.0000}, ") +
              FormattableString.Invariant($"above max_drop.{name} = {maxDrop} ({allowed} images)");
    }
}
