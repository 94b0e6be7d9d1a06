namespace Airbench;

/// <summary>How an image that is not square becomes one of S x S pixels. Square images come out the same in every way.</summary>
/// <remarks>
/// For an axis with L samples, of an image with a short and a long side: it is resized to L' = S * L / short (crop), max(1, S * L / long) (pad)
/// or S (stretch), rounded down. Pixel i of the result is the one of these at i + (L' - S) / 2, the half rounded to even; where there is none,
/// it is black.
/// </remarks>
public enum Fit
{
    /// <summary>The short side becomes S, and the centre is kept: what a longer side has at its ends is lost.</summary>
    Crop,

    /// <summary>The long side becomes S, and the rest is black: everything is there, in its proportions, but smaller.</summary>
    Pad,

    /// <summary>Both sides become S: everything is there, distorted.</summary>
    Stretch,
}
