namespace Airbench.Onnx;

/// <summary>What a user says of a float input: value = (pixel * scale - mean) / std.</summary>
internal static class PixelNumbers
{
    /// <summary>Problems of the values, as "key: found; expected"; what is null was not said.</summary>
    /// <param name="scale">Factor of the pixels.</param>
    /// <param name="mean">For red, green and blue.</param>
    /// <param name="std">Likewise.</param>
    /// <param name="prefix">Stands before each key.</param>
    public static IEnumerable<string> Problems(double? scale, IReadOnlyList<double>? mean, IReadOnlyList<double>? std, string prefix = "")
    {
        if (scale is { } factor && !(double.IsFinite(factor) && factor != 0))
        {
            yield return FormattableString.Invariant($"{prefix}scale: {factor}; expected a number other than 0");
        }
        if (mean is not null && (mean.Count != 3 || !mean.All(double.IsFinite)))
        {
            yield return FormattableString.Invariant($"{prefix}mean: [{string.Join(", ", mean)}]; expected 3 numbers, for red, green and blue");
        }
        if (std is not null && (std.Count != 3 || !std.All(value => value > 0 && double.IsFinite(value))))
        {
            yield return FormattableString.Invariant($"{prefix}std: [{string.Join(", ", std)}]; expected 3 numbers above 0, for red, green and blue");
        }
    }
}
