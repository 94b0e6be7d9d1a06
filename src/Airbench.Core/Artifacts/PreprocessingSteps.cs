using System.ComponentModel.DataAnnotations;

namespace Airbench;

/// <summary>Everything between an image file and the model's input, and what the model itself does to the pixels after that.</summary>
/// <param name="Orientation">EXIF orientation is "applied" before anything else.</param>
/// <param name="ShortSide">Length that the short side is resized to, pixels; the long side keeps the proportion, rounded down.</param>
/// <param name="Filter">Resampling filter: triangle (bilinear), widened by the factor of reduction (antialiased).</param>
/// <param name="CentreCrop">Height and width of the centre that is kept, pixels.</param>
/// <param name="ColorOrder">Order of the planes.</param>
/// <param name="Range">Smallest and largest value handed over: 0 and 255 as decoded, or 0 and 1 of pixels / 255.</param>
/// <param name="InsideTheModel">What the caller must not do: the model does.</param>
public sealed record PreprocessingSteps(
    string Orientation, [property: Range(1, int.MaxValue)] int ShortSide, string Filter, [property: Range(1, int.MaxValue)] int CentreCrop, string ColorOrder, IReadOnlyList<int> Range, Normalization InsideTheModel) : IChecked
{
    /// <summary>nchw: planes; nhwc: interleaved.</summary>
    public string Layout { get; init; } = "nchw";

    /// <summary>Whether the model resizes and crops as well, so that the caller must not.</summary>
    public bool ResizedInside { get; init; }

    /// <inheritdoc/>
    IEnumerable<string> IChecked.Problems() => Range.Count == 2 ? [] : [FormattableString.Invariant($"range: {Range.Count} numbers; expected 2, the smallest and the largest")];
}

/// <summary>(value * scale - mean) / std with values as handed over, for each channel in RGB order.</summary>
public sealed record Normalization([property: Range(0, double.MaxValue, MinimumIsExclusive = true)] double Scale, IReadOnlyList<double> Mean, IReadOnlyList<double> Std) : IChecked
{
    /// <inheritdoc/>
    IEnumerable<string> IChecked.Problems() => Channels.Problems("mean", Mean).Concat(Channels.Problems("std", Std));
}
