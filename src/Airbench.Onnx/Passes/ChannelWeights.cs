namespace Airbench.Onnx;

/// <summary>
/// Weights in int8, symmetric, with a scale for each output channel, and the bias in int32 steps of input scale times weight scale, the
/// unit in which the integer products are summed.
/// </summary>
/// <remarks>
/// x64 without VNNI multiplies bytes by int8 two at a time and adds the two in 16 bits, saturating. So no two neighbours of one sign sum up to more than
/// 128, as 255 times that fits. Neighbours are those of ONNX Runtime's kernels: input channels side by side, then places of the window. Few channels need a
/// wider step for it, as seldom a channel's largest weight has a large neighbour.
/// </remarks>
/// <param name="Weights">-127 to 127: without -128 the grid is symmetric about zero.</param>
/// <param name="Scales">One a channel, positive.</param>
/// <param name="Bias">One a channel; empty where there is none.</param>
/// <param name="BiasScales">Input scale times <paramref name="Scales"/>.</param>
internal sealed record ChannelWeights(sbyte[] Weights, float[] Scales, int[] Bias, float[] BiasScales)
{
    /// <summary>Metadata property of a model whose weights keep to it: its products are exact in the fast kernels of every processor.</summary>
    public const string ExactKey = "exact_products";

    /// <summary>A bias takes at most half of int32; the rest is for the sum that it is added to.</summary>
    private const double LargestBias = 1 << 30;

    /// <summary>Whether the weights of a model are such.</summary>
    /// <exception cref="InvalidFileException">It is no ONNX model.</exception>
    public static bool AreExactIn(string modelFile) => ModelInspector.Inspect(modelFile).Metadata.ContainsKey(ExactKey);

    /// <summary>Rounds half to even, as QuantizeLinear does.</summary>
    /// <param name="weight">Output channels first.</param>
    /// <param name="bias">One a channel, or empty.</param>
    /// <param name="channels">Output channels.</param>
    /// <param name="inputScale">Scale of the layer's input.</param>
    /// <param name="places">Places of a convolution's window, which come last in <paramref name="weight"/>.</param>
    public static ChannelWeights Quantize(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, int channels, float inputScale, int places = 1)
    {
        var row = weight.Length / channels;
        var (weights, scales) = (new sbyte[weight.Length], new float[channels]);
        var (biases, biasScales) = (new int[bias.Length], new float[channels]);
        for (var c = 0; c < channels; c++)
        {
            var values = weight.Slice(c * row, row);
            var largest = Largest(values, places);
            // A channel of next to no weight still has to hold its bias.
            var forBias = bias.IsEmpty ? 0 : Math.Abs((double)bias[c]) / (inputScale * LargestBias);
            var scale = (float)Math.Max(largest / sbyte.MaxValue, forBias);
            scales[c] = scale > 0 && float.IsNormal(scale * inputScale) ? scale : 1;
            biasScales[c] = scales[c] * inputScale;
            for (var i = 0; i < row; i++)
            {
                weights[(c * row) + i] = (sbyte)Round(values[i] / (double)scales[c], sbyte.MaxValue);
            }
            if (!bias.IsEmpty)
            {
                biases[c] = (int)Round(bias[c] / (double)biasScales[c], int.MaxValue);
            }
        }
        return new ChannelWeights(weights, scales, biases, biasScales);
    }

    /// <summary>The largest weight, or the largest sum of two neighbours: rounding adds at most 1 to 127 steps of it.</summary>
    private static double Largest(ReadOnlySpan<float> values, int places)
    {
        var (largest, inputs) = (0.0, values.Length / places);
        for (var i = 0; i < values.Length; i++)
        {
            double value = At(values, i), next = i % 2 == 0 && i + 1 < values.Length ? At(values, i + 1) : 0;
            largest = Math.Max(largest, Math.Max(Math.Abs(value), Math.Abs(value + next)));
        }
        return largest;

        float At(ReadOnlySpan<float> channel, int i) => channel[(i % inputs * places) + (i / inputs)];
    }

    private static double Round(double value, double largest) => Math.Clamp(Math.Round(value, MidpointRounding.ToEven), -largest, largest);
}
