namespace Airbench.Onnx;

/// <summary>What a model's answers must be, whoever asks.</summary>
internal static class Scores
{
    /// <summary>Numbers: whatever is not finite makes no class the best.</summary>
    /// <param name="scores">Of one image.</param>
    /// <param name="model">The model's file.</param>
    /// <param name="image">Path of the image.</param>
    /// <exception cref="InvalidFileException">One is infinite or not a number.</exception>
    public static void Require(ReadOnlySpan<float> scores, string model, string image)
    {
        foreach (var score in scores)
        {
            if (!float.IsFinite(score))
            {
                throw new InvalidFileException(
                    model, FormattableString.Invariant($"computes {score} as a score of {image}, which is not a number. Was it converted to too low a precision?"));
            }
        }
    }
}
