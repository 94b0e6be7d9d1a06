namespace Airbench.Onnx;

/// <summary>What <c>airbench quantize</c> has made, with the numbers that it was let through for.</summary>
/// <param name="File">The int8 model.</param>
/// <param name="Original">fp32.</param>
/// <param name="Int8">int8.</param>
/// <param name="Layers">Layers on integers.</param>
/// <param name="FloatLayers">Layers that were left in float to keep the answers, or on request.</param>
/// <param name="UnfitLayers">Layers that cannot be quantized, each with its reason.</param>
/// <param name="CalibrationImages">Images that the ranges come from.</param>
/// <param name="Answers">Both on images that calibration did not see.</param>
/// <param name="HasLabels">Whether the right answers were known.</param>
/// <param name="BrokenImages">Images that could not be read, and were left out.</param>
public sealed record QuantizedModel(
    string File, QuantizedScore Original, QuantizedScore Int8, int Layers, IReadOnlyList<string> FloatLayers, IReadOnlyList<string> UnfitLayers,
    int CalibrationImages, AnswerComparison Answers, bool HasLabels, int BrokenImages);

/// <summary>One side of the comparison.</summary>
/// <param name="Bytes">Size of the file as ours, preprocessing included.</param>
/// <param name="Correct">Right answers; null without labels.</param>
/// <param name="ImagesPerSecond">At batch 16 on the CPU, both in turns.</param>
/// <param name="P50Ms">Median of a call with one image, milliseconds.</param>
public sealed record QuantizedScore(long Bytes, int? Correct, double ImagesPerSecond, double P50Ms);
