namespace Airbench.Data;

/// <summary>Mean and deviation per channel from integer sums: exact, and independent of the order of the images.</summary>
/// <remarks>Images can be added by many threads.</remarks>
internal sealed class ChannelStatistics
{
    /// <summary>
    /// A constant channel gets this standard deviation, one step of an 8-bit pixel, so that normalizing never divides by zero.
    /// </summary>
    public const double MinStd = 1.0 / 255;

    private readonly Lock _adding = new();
    private readonly Int128[] _sums = new Int128[3];
    private readonly Int128[] _squares = new Int128[3];
    private Int128 _count;

    /// <summary>Adds the pixels of one planar RGB image.</summary>
    public void Add(ReadOnlySpan<byte> planarRgb)
    {
        var plane = planarRgb.Length / 3;
        Span<ulong> sums = stackalloc ulong[3];   // of 2^48 pixels at least
        Span<ulong> squares = stackalloc ulong[3];
        for (var c = 0; c < 3; c++)
        {
            (sums[c], squares[c]) = Sums(planarRgb.Slice(c * plane, plane));
        }
        lock (_adding)
        {
            for (var c = 0; c < 3; c++)
            {
                _sums[c] += sums[c];
                _squares[c] += squares[c];
            }
            _count += plane;
        }
    }

    /// <summary>Per-channel mean of pixel / 255.</summary>
    public double[] Mean() => [.. _sums.Select(sum => (double)sum / (double)_count / 255)];

    /// <summary>Per-channel population standard deviation of pixel / 255, at least <see cref="MinStd"/>.</summary>
    public double[] Std() => [.. _sums.Zip(_squares, (sum, squares) =>
        Math.Max(MinStd, Math.Sqrt((double)((_count * squares) - (sum * sum))) / (double)_count / 255))];

    private static (ulong Sum, ulong Squares) Sums(ReadOnlySpan<byte> values)
    {
        ulong sum = 0, squares = 0;
        foreach (uint value in values)
        {
            sum += value;
            squares += value * value;
        }
        return (sum, squares);
    }
}
