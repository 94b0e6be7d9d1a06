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
    string Orientation, int ShortSide, string Filter, int CentreCrop, string ColorOrder, IReadOnlyList<int> Range, Normalization InsideTheModel)
{
    /// <summary>nchw: planes; nhwc: interleaved.</summary>
    public string Layout { get; init; } = "nchw";

    /// <summary>Whether the model resizes and crops as well, so that the caller must not.</summary>
    public bool ResizedInside { get; init; }
}

/// <summary>(value * scale - mean) / std with values as handed over, for each channel in RGB order.</summary>
public sealed record Normalization(double Scale, IReadOnlyList<double> Mean, IReadOnlyList<double> Std);
