using System.ComponentModel.DataAnnotations;

namespace Airbench;

/// <summary>Which images get all views in a model with adaptive test-time augmentation.</summary>
/// <param name="Threshold">Those whose softmax confidence, untouched, is below this, 0 to 1.</param>
/// <param name="TrainingShare">Share of training images that this is true of, 0 to 1. The network learned them, so it is true of more new images.</param>
/// <param name="TrainingImages">How many training images were looked at; none that int8 was calibrated on.</param>
public sealed record LowConfidence([property: Range(0.0, 1.0)] double Threshold, [property: Range(0.0, 1.0)] double TrainingShare, [property: Range(0, int.MaxValue)] int TrainingImages);
