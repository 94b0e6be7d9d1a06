namespace Airbench.Onnx;

/// <summary>What a variant may lose against fp32.</summary>
/// <remarks>
/// A bound on accuracy says something where there are enough test images: one of 40 is 2.5 points. Below <see cref="SmallSet"/> of them a variant has to
/// give fp32's class on nearly all images of both splits, and must not be worse by McNemar's exact test on right and wrong answers.
/// </remarks>
internal static class VariantGate
{
    /// <summary>Fewer images than this are judged by agreement.</summary>
    public const int SmallSet = 1000;

    /// <summary>Chance of a difference at least this uneven below which a variant is taken for worse.</summary>
    public const double MinPValue = 0.05;

    /// <summary>Lets pass, or names every variant that lost too much.</summary>
    /// <exception cref="GateException">One did.</exception>
    public static void Check(IReadOnlyDictionary<string, VariantFile> variants, ExportOptions options)
    {
        var missed = variants.Where(variant => variant.Key != ExportOptions.Fp32)
            .Select(variant => ByAnswers(variant.Key, variant.Value.Score!, options) is { } answers
                ? Missed(variant.Key, answers, variant.Value.Score!.Count)
                : Missed(variant.Key, variant.Value.Score!, variants[ExportOptions.Fp32].Score!, options.MaxDropOf(variant.Key)))
            .OfType<string>().ToList();
        if (missed.Count > 0)
        {
            throw new GateException(string.Join("; ", missed));
        }
    }

    /// <summary>The bound of a variant with what was found, for the model card.</summary>
    public static string Describe(string name, VariantScore score, ExportOptions options) => ByAnswers(name, score, options) is { } answers
        ? $"{(MinAgreement(name) is { } share ? FormattableString.Invariant($"the class of fp32 on at least {share:0.0%} of {answers.Count:N0} images of both splits (found {answers.Same:N0}), and ") : "")}" +
            $"McNemar's exact test on right and wrong answers over {answers.Count:N0} images not below p = {Invariant(MinPValue)} for the worse (found {Invariant(answers.PValue)}); " +
            $"{score.Count:N0} test images are too few for a bound on accuracy"
        : FormattableString.Invariant($"at most {options.MaxDropOf(name) * 100:0.##} points of accuracy less than fp32 on {score.Count:N0} test images (found {score.Drop * 100:0.00})");

    /// <summary>Smallest share of images with the class of fp32; null of a variant whose views vote, which is to answer some images differently.</summary>
    public static double? MinAgreement(string variant) => ModelVariant.All[variant].Tta != Tta.None ? null
        : ModelVariant.All[variant].Precision == ExportOptions.Fp16 ? 0.995 : 0.98;

    /// <summary>Why a model that answers so does not pass; null where it does.</summary>
    /// <param name="name">Of the variant.</param>
    /// <param name="answers">Beside those of fp32.</param>
    public static string? Missed(string name, AnswerComparison answers)
    {
        var needed = (int)Math.Ceiling(((MinAgreement(name) ?? 0) * answers.Count) - 1e-9);
        return answers.Same < needed
            ? FormattableString.Invariant($"{name}: the class of fp32 on {answers.Same} of {answers.Count} images; expected {needed} ({MinAgreement(name):0.0%})")
            : answers.OnlyFirst > answers.OnlySecond && answers.PValue < MinPValue
                ? FormattableString.Invariant($"{name}: {answers.OnlyFirst} of {answers.Count} images that fp32 alone gets right, {answers.OnlySecond} that it alone does: ") +
                    FormattableString.Invariant($"McNemar's exact test p = {answers.PValue:0.0000}; expected at least {MinPValue}")
                : null;
    }

    private static string? Missed(string name, AnswerComparison answers, int tested) => Missed(name, answers) is { } missed
        ? $"{missed}. {tested} test images are too few for a bound on accuracy: try another calibration.method, leave {name} out of variants, or say max_drop.{name}"
        : null;

    /// <summary>What judges a variant in place of accuracy; a bound that was given is kept whatever the number of images.</summary>
    private static AnswerComparison? ByAnswers(string name, VariantScore score, ExportOptions options) => options.MaxDrop.ContainsKey(name) ? null : score.AllImages;

    private static string Invariant(double value) => value.ToString("0.####", System.Globalization.CultureInfo.InvariantCulture);

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
