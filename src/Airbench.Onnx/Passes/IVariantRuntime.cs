namespace Airbench.Onnx;

/// <summary>What quantization needs of something that runs models. Files are ONNX models as exported.</summary>
public interface ICalibrationRuntime
{
    /// <summary>Ranges of <paramref name="values"/>, float outputs of <paramref name="modelFile"/>, on the calibration images.</summary>
    IReadOnlyDictionary<string, ValueRange> Calibrate(string modelFile, IReadOnlyList<string> values);

    /// <summary>Answers of a model to training images that the calibration did not see.</summary>
    HeldOutAnswers AnswerHeldOut(string modelFile);
}

/// <summary>What making and judging variants of a model needs.</summary>
public interface IVariantRuntime : ICalibrationRuntime
{
    /// <summary>A model with views inside against the evaluator's own vote with <paramref name="plainFile"/>, on the same training images.</summary>
    /// <param name="votingFile">The model with views inside.</param>
    /// <param name="plainFile">The model that it was made of.</param>
    /// <param name="tta">Its views.</param>
    /// <param name="threshold">Confidence below which an image gets them, where they are adaptive.</param>
    ParityResult CompareVotes(string votingFile, string plainFile, Tta tta, double threshold);

    /// <summary>
    /// Scores models on the whole test split and times them. The first is what the others are compared with, on a small test split also over the training images.
    /// </summary>
    /// <param name="models">Name and file of each; speed is measured in turns, so that a slow moment hits all of them.</param>
    IReadOnlyList<VariantScore> Score(IReadOnlyList<(string Variant, string File)> models);
}
