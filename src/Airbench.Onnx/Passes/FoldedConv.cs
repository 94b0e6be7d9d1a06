namespace Airbench.Onnx;

/// <summary>
/// A convolution's weight and bias in double, and the folding of per-channel affine maps into them. Each fold is exact in
/// real arithmetic; rounding to float32 happens once, at the end.
/// </summary>
internal sealed class FoldedConv
{
    private readonly double[] _weight;   // (Out, In, Kernel, Kernel)
    private readonly double[] _bias;     // (Out)
    private readonly int _inputs, _row;  // In, and the weights of an output channel

    /// <param name="weight">(Out, In, Kernel, Kernel).</param>
    /// <param name="bias">(Out), or empty where there is none.</param>
    /// <param name="outputs">Out.</param>
    /// <param name="inputs">In.</param>
    public FoldedConv(ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, int outputs, int inputs)
    {
        (_inputs, _row) = (inputs, weight.Length / outputs);
        _weight = new double[weight.Length];
        _bias = new double[outputs];
        for (var i = 0; i < weight.Length; i++)
        {
            _weight[i] = weight[i];
        }
        for (var i = 0; i < bias.Length; i++)
        {
            _bias[i] = bias[i];
        }
    }

    /// <summary>Lets the convolution take x where it took x * factor, a factor for each input channel. Padding stays zero.</summary>
    public void FoldScaleBefore(ReadOnlySpan<double> factor)
    {
        for (var i = 0; i < _weight.Length; i++)
        {
            _weight[i] *= factor[InputOf(i)];
        }
    }

    /// <summary>
    /// Lets the convolution take x where it took x - shift, a shift for each input channel. Only without padding: zeros around
    /// x - shift are not zeros around x.
    /// </summary>
    public void FoldShiftBefore(ReadOnlySpan<double> shift)
    {
        for (var i = 0; i < _weight.Length; i++)
        {
            _bias[i / _row] -= _weight[i] * shift[InputOf(i)];
        }
    }

    /// <summary>Appends y = (x - mean) * factor + bias with factor = scale / sqrt(variance + epsilon).</summary>
    /// <remarks>
    /// With positive scales also right where a max pool stands between the two: the map is then increasing in each channel, and the maximum of
    /// the mapped values is the mapped maximum. A learned scale may be negative.
    /// </remarks>
    public void FoldBatchNormAfter(
        ReadOnlySpan<float> mean, ReadOnlySpan<float> variance, ReadOnlySpan<float> scale, ReadOnlySpan<float> bias, double epsilon)
    {
        for (var output = 0; output < _bias.Length; output++)
        {
            var factor = scale[output] / Math.Sqrt(variance[output] + epsilon);
            foreach (ref var weight in _weight.AsSpan(output * _row, _row))
            {
                weight *= factor;
            }
            _bias[output] = ((_bias[output] - mean[output]) * factor) + bias[output];
        }
    }

    private int InputOf(int weight) => weight / (_row / _inputs) % _inputs;

    /// <summary>The weight as float32.</summary>
    public float[] Weight => Array.ConvertAll(_weight, w => (float)w);

    /// <summary>The bias as float32.</summary>
    public float[] Bias => Array.ConvertAll(_bias, b => (float)b);
}
