using System.ComponentModel.DataAnnotations;

namespace Airbench;

/// <summary>How an int8 variant came about.</summary>
/// <param name="Calibration">Activation ranges.</param>
/// <param name="FloatLayers">Layers that stay in float, by name, because they were asked to or because accuracy needs it.</param>
/// <param name="HeldOutImages">Training images that judged which.</param>
/// <param name="HeldOutDrop">Accuracy that the variant loses on them, 0 to 1.</param>
public sealed record QuantizationFacts(
    CalibrationOptions Calibration, IReadOnlyList<string> FloatLayers, [property: Range(0, int.MaxValue)] int HeldOutImages, [property: Range(-1.0, 1.0)] double HeldOutDrop)
{
    /// <summary>Share of them with the class of fp32, 0 to 1, where they are so few that this decided which layers stay in float; null where accuracy did.</summary>
    [Range(0.0, 1.0)]
    public double? HeldOutAgreement { get; init; }
}
