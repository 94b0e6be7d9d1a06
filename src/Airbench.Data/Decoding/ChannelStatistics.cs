namespace Airbench.Data;

/// <summary>Mean and deviation per channel from integer sums: exact, and independent of the order of the images.</summary>
internal sealed class ChannelStatistics
{
    /// <summary>
    /// A constant channel gets this standard deviation, one step of an 8-bit pixel, so that normalizing never divides by zero.
    /// </summary>
    public const double MinStd = 1.0 / 255;

    private readonly Int128[] _sums = new Int128[3];
    private readonly Int128[] _squares = new Int128[3];
    private Int128 _count;

    /// <summary>Adds the pixels of one planar RGB image.</summary>
    public void Add(ReadOnlySpan<byte> planarRgb)
    {
        var plane = planarRgb.Length / 3;
        for (var c = 0; c < 3; c++)
        {
            ulong sum = 0, squares = 0;   // of 2^48 pixels at least
            foreach (uint value in planarRgb.Slice(c * plane, plane))
            {
                sum += value;
                squares += value * value;
            }
            _sums[c] += sum;
            _squares[c] += squares;
        }
        _count += plane;
    }

    /// <summary>Adds what another has seen.</summary>
    public void Add(ChannelStatistics other)
    {
        for (var c = 0; c < 3; c++)
        {
            _sums[c] += other._sums[c];
            _squares[c] += other._squares[c];
        }
        _count += other._count;
    }

    /// <summary>Per-channel mean of pixel / 255.</summary>
    public double[] Mean() => [.. _sums.Select(sum => (double)sum / (double)_count / 255)];

    /// <summary>Per-channel population standard deviation of pixel / 255, at least <see cref="MinStd"/>.</summary>
    public double[] Std() => [.. _sums.Zip(_squares, (sum, squares) =>
        Math.Max(MinStd, Math.Sqrt((double)((_count * squares) - (sum * sum))) / (double)_count / 255))];
}
