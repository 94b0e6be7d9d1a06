using System.ComponentModel.DataAnnotations;

namespace Airbench;

/// <summary>Everything between an image file and the model's input, and what the model itself does to the pixels after that.</summary>
/// <param name="Orientation">EXIF orientation is "applied" before anything else.</param>
/// <param name="Filter">Resampling filter: triangle (bilinear), widened by the factor of reduction (antialiased).</param>
/// <param name="ColorOrder">Order of the planes.</param>
/// <param name="Range">Smallest and largest value handed over: 0 and 255 as decoded, or 0 and 1 of pixels / 255.</param>
/// <param name="InsideTheModel">What the caller must not do: the model does.</param>
public sealed record PreprocessingSteps(
    string Orientation, string Filter, string ColorOrder, IReadOnlyList<int> Range, Normalization InsideTheModel) : IChecked
{
    /// <summary>How an image that is not square becomes so; with stretch, both sides are resized to the model's.</summary>
    public Fit Fit { get; init; }

    /// <summary>With crop: length that the short side is resized to, pixels; the long side keeps the proportion, rounded down.</summary>
    [Range(1, int.MaxValue)]
    public int? ShortSide { get; init; }

    /// <summary>With crop: height and width of the centre that is kept, pixels.</summary>
    [Range(1, int.MaxValue)]
    public int? CentreCrop { get; init; }

    /// <summary>With pad: length that the long side is resized to, pixels; black fills the square around the short one, the image in the middle.</summary>
    [Range(1, int.MaxValue)]
    public int? LongSide { get; init; }

    /// <summary>nchw: planes; nhwc: interleaved.</summary>
    public string Layout { get; init; } = "nchw";

    /// <summary>Whether the model does this as well, so that the caller must not.</summary>
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
