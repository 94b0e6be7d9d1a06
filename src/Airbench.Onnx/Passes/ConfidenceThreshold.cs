namespace Airbench.Onnx;

/// <summary>Chooses the confidence below which an image gets all views.</summary>
internal static class ConfidenceThreshold
{
    /// <summary>
    /// The threshold with the wanted share of these answers below it, half-way to the next confidence above; exact in float32, as the model
    /// holds it.
    /// </summary>
    /// <param name="answers">Logits of training images, [n,K].</param>
    /// <param name="share">Between 0 and 1.</param>
    public static LowConfidence Choose(HeldOutAnswers answers, double share)
    {
        var classes = answers.Logits.Length / answers.Count;
        var confidences = Enumerable.Range(0, answers.Count)
            .Select(i => Softmax.Confidence(answers.Logits.AsSpan(i * classes, classes))).Order().ToArray();
        var count = Math.Clamp((int)Math.Round(share * answers.Count), 1, answers.Count - 1);
        var threshold = (float)((confidences[count - 1] + confidences[count]) / 2);
        return new LowConfidence(threshold, (double)confidences.Count(confidence => confidence < threshold) / answers.Count, answers.Count);
    }
}
