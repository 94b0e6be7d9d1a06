using System.Runtime.InteropServices;

namespace Airbench.Onnx;

/// <summary>Turns decoded pixels into the values that a model takes; one table of 256 values for each colour.</summary>
internal sealed class PixelEncoder
{
    private readonly ModelInput _input;
    private readonly byte[][] _bytes;
    private readonly Half[][] _halves;
    private readonly float[][] _floats;
    private readonly double[][] _doubles;

    public PixelEncoder(ModelInput input)
    {
        _input = input;
        var (scale, mean, std) = input.Normalization;
        _floats = Table(v => (float)v);
        _doubles = Table(v => v);
        _halves = Table(v => (Half)v);
        _bytes = Table(v => (byte)Math.Clamp(v, 0, 255));

        T[][] Table<T>(Func<double, T> convert) =>
            [.. Enumerable.Range(0, 3).Select(c => Enumerable.Range(0, 256).Select(p => convert(((p * scale) - mean[c]) / std[c])).ToArray())];
    }

    /// <summary>Encodes <paramref name="images"/>.</summary>
    /// <param name="images">uint8 [n,3,S,S], planar RGB.</param>
    /// <param name="output">The model's values, as bytes.</param>
    public void Encode(ReadOnlySpan<byte> images, Span<byte> output)
    {
        switch (_input.Type)
        {
            case "uint8":
                Encode(images, output, _bytes);
                break;
            case "float16":
                Encode(images, MemoryMarshal.Cast<byte, Half>(output), _halves);
                break;
            case "double":
                Encode(images, MemoryMarshal.Cast<byte, double>(output), _doubles);
                break;
            default:
                Encode(images, MemoryMarshal.Cast<byte, float>(output), _floats);
                break;
        }
    }

    private void Encode<T>(ReadOnlySpan<byte> images, Span<T> output, T[][] tables)
    {
        var plane = _input.Size * _input.Size;
        for (var first = 0; first < images.Length; first += 3 * plane)
        {
            for (var colour = 0; colour < 3; colour++)
            {
                var source = images.Slice(first + (colour * plane), plane);
                var table = tables[colour];
                var place = _input.Color == ColorOrder.Rgb ? colour : 2 - colour;
                var target = output[first..];
                if (_input.Layout == PixelLayout.Nchw)
                {
                    target = target.Slice(place * plane, plane);
                    for (var i = 0; i < source.Length; i++)
                    {
                        target[i] = table[source[i]];
                    }
                }
                else
                {
                    for (var i = 0; i < source.Length; i++)
                    {
                        target[(3 * i) + place] = table[source[i]];
                    }
                }
            }
        }
    }
}
