namespace Airbench.Onnx;

/// <summary>Counts of values in equal bins over a known range, and the ranges that calibration methods read off it.</summary>
internal sealed class ValueHistogram
{
    /// <summary>Bins; eight for each step of 8 bits.</summary>
    public const int Bins = 2048;

    private const int Levels = 256;

    /// <summary>Bins between two candidates for an end of the range.</summary>
    private const int Stride = 16;

    /// <summary>Least probability of a bin in <see cref="Divergence"/>: what rounding to nothing would cost is finite.</summary>
    private const double Floor = 1e-7;

    private readonly ValueRange _range;
    private readonly double _binsPerUnit;
    private readonly long[] _counts = new long[Bins];

    /// <param name="range">Smallest and largest value that will be added.</param>
    public ValueHistogram(ValueRange range)
    {
        _range = range;
        _binsPerUnit = range.High > range.Low ? Bins / (range.High - range.Low) : 0;
    }

    /// <summary>Counts values inside of the range.</summary>
    public void Add(ReadOnlySpan<float> values)
    {
        var (low, factor, counts) = (_range.Low, _binsPerUnit, _counts);
        foreach (var value in values)
        {
            counts[Math.Min((int)((value - low) * factor), Bins - 1)]++;
        }
    }

    /// <summary>The range by <paramref name="options"/>.</summary>
    public ValueRange Choose(CalibrationOptions options) => options.Method switch
    {
        CalibrationMethod.Percentile => Central(options.Percentile / 100),
        CalibrationMethod.Entropy => LeastDivergence(),
        _ => _range,
    };

    /// <summary>The range without (1 - share) / 2 of the values at either end, at the outer edges of the bins where that is reached.</summary>
    public ValueRange Central(double share)
    {
        var cut = (1 - share) / 2 * _counts.Sum();
        var (first, below) = (0, 0L);
        while (first < Bins - 1 && below + _counts[first] <= cut)
        {
            below += _counts[first++];
        }
        var (last, above) = (Bins - 1, 0L);
        while (last > first && above + _counts[last] <= cut)
        {
            above += _counts[last--];
        }
        return Between(first, last + 1);
    }

    /// <summary>
    /// The range whose 256 levels tell most about the values (Migacz, "8-bit inference with TensorRT", 2017), here with both ends free:
    /// first the upper end, then the lower one. It keeps 0, and at least 256 bins: fewer would be told apart exactly.
    /// </summary>
    public ValueRange LeastDivergence()
    {
        var zero = Math.Clamp((int)(-_range.Low * _binsPerUnit), 0, Bins - 1);
        var (first, end) = (0, Bins);
        var best = double.PositiveInfinity;
        for (var candidate = Bins; candidate >= Levels && candidate > zero; candidate -= Stride)
        {
            Try(0, candidate);
        }
        for (var (candidate, top) = (Stride, end); candidate <= top - Levels && candidate <= zero; candidate += Stride)
        {
            Try(candidate, top);
        }
        return Between(first, end);

        void Try(int from, int to)
        {
            var divergence = Divergence(from, to);
            if (divergence < best)
            {
                (best, first, end) = (divergence, from, to);
            }
        }
    }

    /// <summary>
    /// Nats lost by telling apart only 256 levels between bins <paramref name="first"/> and <paramref name="end"/>, values beyond moved to the ends:
    /// sum p log(p / q), where q spreads each level's values evenly over the bins that have any.
    /// </summary>
    private double Divergence(int first, int end)
    {
        var bins = _counts.AsSpan(first, end - first);
        var (below, above, inside) = (0L, 0L, 0L);
        for (var i = 0; i < Bins; i++)
        {
            (below, above) = (below + (i < first ? _counts[i] : 0), above + (i >= end ? _counts[i] : 0));
        }
        foreach (var count in bins)
        {
            inside += count;
        }
        var total = (double)(below + inside + above);
        var divergence = 0.0;
        for (var level = 0; level < Levels; level++)
        {
            var (from, to) = (level * bins.Length / Levels, (level + 1) * bins.Length / Levels);
            var (sum, occupied) = (0L, 0);
            for (var i = from; i < to; i++)
            {
                sum += bins[i];
                occupied += CountAt(i, bins) > 0 ? 1 : 0;
            }
            var q = occupied == 0 || inside == 0 ? 0 : (double)sum / occupied / inside;
            for (var i = from; i < to; i++)
            {
                var p = CountAt(i, bins) / total;
                divergence += p > 0 ? p * Math.Log(p / Math.Max(q, Floor)) : 0;
            }
        }
        return divergence;

        long CountAt(int i, ReadOnlySpan<long> bins) => bins[i] + (i == 0 ? below : 0) + (i == bins.Length - 1 ? above : 0);
    }

    private ValueRange Between(int first, int end) => _binsPerUnit > 0
        ? new ValueRange(
            first == 0 ? _range.Low : _range.Low + (first / _binsPerUnit),
            end == Bins ? _range.High : _range.Low + (end / _binsPerUnit))
        : _range;
}
