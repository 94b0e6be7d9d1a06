using System.ComponentModel.DataAnnotations;

namespace Airbench;

/// <summary>A variant on the test split, each image untouched, and its speed.</summary>
/// <param name="Device">"cpu" or "cuda:N".</param>
/// <param name="Count">Test images n.</param>
/// <param name="Correct">Correct answers.</param>
/// <param name="Accuracy">Their share, 0 to 1.</param>
/// <param name="Drop">Accuracy of fp32 less this one, 0 to 1; negative where this one is better.</param>
/// <param name="Agreement">Share of the images with the same best class as fp32, 0 to 1.</param>
/// <param name="ImagesPerSecond">Throughput at batch 100, after warm-up.</param>
/// <param name="P50Ms">Half of the calls at batch 1 take at most this many milliseconds, after warm-up.</param>
public sealed record VariantScore(
    string Device, [property: Range(0, int.MaxValue)] int Count, [property: Range(0, int.MaxValue)] int Correct, [property: Range(0.0, 1.0)] double Accuracy, [property: Range(-1.0, 1.0)] double Drop, [property: Range(0.0, 1.0)] double Agreement, [property: Range(0, double.MaxValue)] double ImagesPerSecond, [property: Range(0, double.MaxValue)] double P50Ms)
{
    /// <summary>The same on the images of both splits, where the test split is too small for a bound on its accuracy; null where it is not, and of fp32.</summary>
    public AnswerComparison? AllImages { get; init; }

    /// <summary>The bound that the variant has kept, with what was found, in words; null of fp32.</summary>
    public string? Gate { get; init; }
}
