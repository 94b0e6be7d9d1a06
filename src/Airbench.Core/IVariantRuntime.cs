namespace Airbench;

/// <summary>What making and judging variants of a model needs of something that runs models. Files are ONNX models as exported.</summary>
public interface IVariantRuntime
{
    /// <summary>Ranges of <paramref name="values"/>, float outputs of <paramref name="modelFile"/>, on the calibration images.</summary>
    IReadOnlyDictionary<string, ValueRange> Calibrate(string modelFile, IReadOnlyList<string> values);

    /// <summary>Answers of a model to training images that the calibration did not see.</summary>
    HeldOutAnswers AnswerHeldOut(string modelFile);

    /// <summary>A model with views inside against the evaluator's own vote with <paramref name="plainFile"/>, on the same training images.</summary>
    /// <param name="votingFile">The model with views inside.</param>
    /// <param name="plainFile">The model that it was made of.</param>
    /// <param name="tta">Its views.</param>
    /// <param name="threshold">Confidence below which an image gets them, where they are adaptive.</param>
    ParityResult CompareVotes(string votingFile, string plainFile, Tta tta, double threshold);

    /// <summary>
    /// Scores models on the whole test split and times them. The first is what the others are compared with.
    /// </summary>
    /// <param name="models">Name and file of each; speed is measured in turns, so that a slow moment hits all of them.</param>
    IReadOnlyList<VariantScore> Score(IReadOnlyList<(string Variant, string File)> models);
}

/// <summary>Answers to held-out training images.</summary>
/// <param name="Count">Images n.</param>
/// <param name="Correct">Right answers.</param>
/// <param name="Logits">float32 [n,K].</param>
public sealed record HeldOutAnswers(int Count, int Correct, float[] Logits);

/// <summary>A variant on the test split, each image untouched, and its speed.</summary>
/// <param name="Device">"cpu" or "cuda:N".</param>
/// <param name="Count">Test images n.</param>
/// <param name="Correct">Right answers.</param>
/// <param name="Accuracy">Their share, 0 to 1.</param>
/// <param name="Drop">Accuracy of fp32 less this one, 0 to 1; negative where this one is better.</param>
/// <param name="Agreement">Share of the images with the same best class as fp32, 0 to 1.</param>
/// <param name="ImagesPerSecond">Throughput at batch 100, after warm-up.</param>
/// <param name="P50Ms">Half of the calls at batch 1 take at most this many milliseconds, after warm-up.</param>
public sealed record VariantScore(
    string Device, int Count, int Correct, double Accuracy, double Drop, double Agreement, double ImagesPerSecond, double P50Ms);

/// <summary>Which images get all views in a model with adaptive test-time augmentation.</summary>
/// <param name="Threshold">Those whose softmax confidence, untouched, is below this, 0 to 1.</param>
/// <param name="TrainingShare">Share of training images that this is true of, 0 to 1. The network learned them, so new images are in doubt more often.</param>
/// <param name="TrainingImages">How many training images were looked at; none that int8 was calibrated on.</param>
public sealed record DoubtFacts(double Threshold, double TrainingShare, int TrainingImages);

/// <summary>How an int8 variant came about.</summary>
/// <param name="Calibration">Activation ranges.</param>
/// <param name="FloatLayers">Layers that stay in float, by name, because they were asked to or because accuracy needs it.</param>
/// <param name="HeldOutImages">Training images that judged which.</param>
/// <param name="HeldOutDrop">Accuracy that the variant loses on them, 0 to 1.</param>
public sealed record QuantizationFacts(
    CalibrationOptions Calibration, IReadOnlyList<string> FloatLayers, int HeldOutImages, double HeldOutDrop);
