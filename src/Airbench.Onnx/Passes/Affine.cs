namespace Airbench.Onnx;

/// <summary>
/// An activation in uint8: value = (q - ZeroPoint) * Scale, q from 0 to 255 (ONNX QuantizeLinear). Unsigned, as x64 multiplies uint8
/// by int8 in one instruction (VNNI) and ONNX Runtime converts signed activations before it does.
/// </summary>
internal readonly record struct Affine(float Scale, byte ZeroPoint)
{
    /// <summary>Ranges narrower than this hold nothing but zero, as far as float32 arithmetic is concerned.</summary>
    private const double Narrowest = 1e-30;

    /// <summary>Pixels as they are: 0 to 255.</summary>
    public static Affine Pixels => new(1, 0);

    /// <summary>
    /// 256 steps from the low to the high end, both moved outwards to include 0, which a whole step then hits exactly: padding is zeros.
    /// </summary>
    public static Affine Of(ValueRange range)
    {
        var (low, high) = (Math.Min(range.Low, 0), Math.Max(range.High, 0));
        if (high - low < Narrowest)
        {
            return new Affine(1, 0);
        }
        var scale = (float)((high - low) / byte.MaxValue);
        return new Affine(scale, (byte)Math.Clamp(Math.Round(-low / scale, MidpointRounding.ToEven), 0, byte.MaxValue));
    }
}
