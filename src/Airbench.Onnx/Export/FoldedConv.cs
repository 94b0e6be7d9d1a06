namespace Airbench.Onnx;

/// <summary>
/// A convolution's weight and bias in double, and the folding of per-channel affine maps into them. Each fold is exact in
/// real arithmetic; rounding to float32 happens once, at the end.
/// </summary>
internal sealed class FoldedConv
{
    private readonly ConvLayer _layer;
    private readonly double[] _weight;   // (Out, In, Kernel, Kernel)
    private readonly double[] _bias;     // (Out)

    public FoldedConv(ConvLayer layer, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias)
    {
        _layer = layer;
        _weight = new double[weight.Length];
        _bias = new double[layer.Out];
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
        if (_layer.Padding != 0)
        {
            throw new InvalidOperationException($"{_layer.Name} pads with {_layer.Padding}: a shift cannot be folded into it");
        }
        for (var i = 0; i < _weight.Length; i++)
        {
            _bias[i / (_weight.Length / _layer.Out)] -= _weight[i] * shift[InputOf(i)];
        }
    }

    /// <summary>Appends y = (x - mean) * factor + bias with factor = scale / sqrt(variance + epsilon); without scale, 1.</summary>
    /// <remarks>
    /// Without scale also right where a max pool stands between the two: the factor is positive, so the map is increasing in each
    /// channel and the maximum of the mapped values is the mapped maximum. A learned scale may be negative.
    /// </remarks>
    public void FoldBatchNormAfter(
        ReadOnlySpan<float> mean, ReadOnlySpan<float> variance, ReadOnlySpan<float> scale, ReadOnlySpan<float> bias, double epsilon)
    {
        var row = _weight.Length / _layer.Out;
        for (var output = 0; output < _layer.Out; output++)
        {
            var factor = (scale.IsEmpty ? 1 : scale[output]) / Math.Sqrt(variance[output] + epsilon);
            foreach (ref var weight in _weight.AsSpan(output * row, row))
            {
                weight *= factor;
            }
            _bias[output] = ((_bias[output] - mean[output]) * factor) + bias[output];
        }
    }

    private int InputOf(int weight) => weight / (_layer.Kernel * _layer.Kernel) % _layer.In;

    /// <summary>The weight as float32.</summary>
    public float[] Weight => Array.ConvertAll(_weight, w => (float)w);

    /// <summary>The bias as float32.</summary>
    public float[] Bias => Array.ConvertAll(_bias, b => (float)b);
}
