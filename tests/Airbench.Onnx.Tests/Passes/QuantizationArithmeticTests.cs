using Airbench.Onnx;
using CsCheck;

namespace Airbench.Tests;

/// <summary>Scales, zero points and rounding against their definitions in float64.</summary>
public sealed class QuantizationArithmeticTests
{
    private static readonly Gen<(double, double)> Ranges =
        Gen.Select(Gen.Double[-6, 6], Gen.Double[-6, 6], Gen.Double[-12, 12]).Select((a, b, exponent) =>
            (Math.Min(a, b) * Math.Pow(10, exponent), Math.Max(a, b) * Math.Pow(10, exponent)));

    [Fact]
    public void A_range_becomes_256_steps_that_reach_both_ends_and_hit_zero() => Ranges.ForEachCase((low, high) =>
    {
        var affine = Affine.Of(new ValueRange(low, high));
        if (Math.Max(high, 0) - Math.Min(low, 0) < 1e-30)
        {
            Assert.Equal(new Affine(1, 0), affine);   // nothing but zeros to float32
            return;
        }
        double step = affine.Scale;
        var (bottom, top) = ((0 - affine.ZeroPoint) * step, (255 - affine.ZeroPoint) * step);

        Assert.Equal((Math.Max(high, 0) - Math.Min(low, 0)) / 255, step, step * 1e-6);
        // The zero point is a whole step, so the grid may be moved by half a one.
        Assert.InRange(bottom - Math.Min(low, 0), -0.501 * step, 0.501 * step);
        Assert.InRange(top - Math.Max(high, 0), -0.501 * step, 0.501 * step);
    }, cases: 500);

    [Theory]
    [InlineData(0, 255, 1, 0)]         // ReLU's output, or pixels
    [InlineData(-255, 0, 1, 255)]
    [InlineData(3, 255, 1, 0)]         // a range that leaves zero out is extended to it
    [InlineData(-128, 127, 1, 128)]
    [InlineData(-0.5, 254.5, 1, 0)]    // half a step: to even
    [InlineData(-1.5, 253.5, 1, 2)]
    [InlineData(0, 0, 1, 0)]           // nothing but zeros
    [InlineData(-1e-40, 1e-40, 1, 0)]  // steps that float32 could not divide by
    public void Known_ranges_give_known_parameters(double low, double high, float scale, byte zeroPoint) =>
        Assert.Equal(new Affine(scale, zeroPoint), Affine.Of(new ValueRange(low, high)));

    [Fact]
    public void Weights_and_biases_are_the_nearest_steps_of_their_channel() =>
        Gen.Select(Gen.Int[1, 5], Gen.Int[1, 40], Gen.Double[-4, 4], Gen.Int).ForEachCase((channels, row, exponent, seed) =>
        {
            var random = new Random(seed);
            var weight = Numbers(random, channels * row, Math.Pow(10, exponent));
            var bias = Numbers(random, channels, 3);
            const float InputScale = 0.03f;

            var quantized = ChannelWeights.Quantize(weight, bias, channels, InputScale);

            for (var c = 0; c < channels; c++)
            {
                var own = weight[(c * row)..((c + 1) * row)];
                double scale = quantized.Scales[c];
                var largest = Math.Max(own.Max(Math.Abs), own.Chunk(2).Max(pair => Math.Abs((double)pair.Sum(value => (double)value))));
                Assert.Equal(largest / 127.0, scale, scale * 1e-6);
                Assert.Equal(InputScale * scale, quantized.BiasScales[c], scale * 1e-6);
                Assert.Equal((int)Math.Round(127 * own.Max(Math.Abs) / largest), quantized.Weights[(c * row)..((c + 1) * row)].Max(w => Math.Abs((int)w)), 1.0);
                for (var i = 0; i < row; i++)
                {
                    Assert.InRange((quantized.Weights[(c * row) + i] * scale) - own[i], -0.50001 * scale, 0.50001 * scale);
                }
                Assert.InRange((quantized.Bias[c] * (double)quantized.BiasScales[c]) - bias[c], -0.50001 * InputScale * scale, 0.50001 * InputScale * scale);
            }
        });

    [Fact]
    public void Halves_round_to_even_and_both_ends_are_127()
    {
        var quantized = ChannelWeights.Quantize([127, -0.5f, 1.5f, 2.5f, 0.5f, -1.5f, -127], [2.5f], channels: 1, inputScale: 1);

        Assert.Equal([127, 0, 2, 2, 0, -2, -127], quantized.Weights);
        Assert.Equal((1f, 2), (quantized.Scales[0], quantized.Bias[0]));
    }

    [Fact]
    public void Two_neighbours_of_one_sign_and_a_byte_fit_16_bits() =>
        Gen.Select(Gen.Int[1, 9], Gen.Int[0, 2].Select(i => i switch { 0 => 1, 1 => 4, _ => 9 }), Gen.Int).ForEachCase((inputs, places, seed) =>
        {
            var weight = Numbers(new Random(seed), 2 * inputs * places, 1);
            weight[0] = weight[^1] = 0.5f;

            var quantized = ChannelWeights.Quantize(weight, [], channels: 2, inputScale: 1, places).Weights;

            for (var c = 0; c < 2; c++)
            {
                var own = quantized[(c * inputs * places)..((c + 1) * inputs * places)];
                var ordered = Enumerable.Range(0, places).SelectMany(place => Enumerable.Range(0, inputs).Select(input => (int)own[(input * places) + place]));
                Assert.All(ordered.Chunk(2), pair => Assert.InRange(pair.Sum(), -128, 128));
                Assert.InRange(own.Max(value => Math.Abs((int)value)), 63, 127);   // no wider steps than the worst pair asks for
            }
        });

    [Fact]
    public void A_channel_without_weights_keeps_its_bias_and_one_without_either_is_zero()
    {
        var quantized = ChannelWeights.Quantize([0, 0, 0, 0], [-7.25f, 0], channels: 2, inputScale: 0.5f);

        Assert.All(quantized.Weights, weight => Assert.Equal(0, weight));
        Assert.Equal(-7.25, quantized.Bias[0] * (double)quantized.BiasScales[0], 1e-6);
        Assert.Equal((0, 1f), (quantized.Bias[1], quantized.Scales[1]));
    }

    [Fact]
    public void A_bias_beyond_int32_widens_the_steps_of_its_weights()
    {
        var quantized = ChannelWeights.Quantize([1e-9f], [1000], channels: 1, inputScale: 1e-3f);

        Assert.InRange(quantized.Bias[0], (1 << 30) - 200, (1 << 30) + 200);
        Assert.Equal(1000, quantized.Bias[0] * (double)quantized.BiasScales[0], 1e-3);
    }

    private static float[] Numbers(Random random, int count, double size) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)(size * (random.NextDouble() - 0.5)))];
}
