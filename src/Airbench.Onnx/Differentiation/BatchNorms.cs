namespace Airbench.Onnx;

/// <summary>Batch norm and its gradients; per-channel values have the shape (1, C, 1, 1), or as many axes as the input has.</summary>
/// <remarks>
/// ONNX's own BatchNormalization with training_mode does not give the batch's mean and variance, which the way back needs.
/// The variance is that of centred values: the difference of mean squares would lose digits where the mean is large.
/// </remarks>
/// <param name="s">A BatchNormalization: x, weight, bias, running mean and variance.</param>
internal sealed class BatchNorms(RuleScope s)
{
    private readonly long[] _others = [0, .. Enumerable.Range(2, s.In().Rank - 2).Select(axis => (long)axis)];   // all axes but the channels
    private readonly string?[] _channelwise = new string?[5];

    /// <summary>The rule.</summary>
    public static Backward Write(RuleScope s) =>
        s.Statistics is { } statistics ? new BatchNorms(s).WithBatchStatistics(statistics) : new BatchNorms(s).WithRunningStatistics();

    /// <summary>Values of a channel in the batch, as a float32 scalar.</summary>
    /// <param name="s">The batch norm.</param>
    /// <param name="kept">A value as large as its input that the way back reads anyway: it stays in memory for as long as it may be counted.</param>
    public static string Count(RuleScope s, string kept)
    {
        var all = s.Ahead.Cast(s.Ahead.Node("Size", [kept]), Proto.TensorProto.Types.DataType.Float);
        return s.Ahead.Mul(all, (float)(1.0 / s.In().Extents[1].Count));
    }

    /// <summary>The running statistics after the batch; its variance enters them unbiased, n / (n - 1).</summary>
    /// <param name="s">The batch norm.</param>
    /// <param name="statistics">Receives them.</param>
    /// <param name="mean">Of the batch.</param>
    /// <param name="variance">Of the batch, biased.</param>
    /// <param name="count">Values n of a channel.</param>
    public static void Move(RuleScope s, MovingStatistics statistics, string mean, string variance, string count)
    {
        var (a, share) = (s.Ahead, (float)statistics.Momentum);
        var others = a.Node("Max", [a.Add(count, -1), a.Scalar(1)]);
        Next(3, mean);
        Next(4, a.Mul(variance, a.Div(count, others)));

        void Next(int input, string batch) =>
            statistics.Next.Add(s.Node.Input[input], a.Add(a.Mul(s.X(input), 1 - share), a.Mul(a.Reshape(batch, -1), share)));
    }

    /// <summary>(x - mean) / sqrt(var + epsilon) * weight + bias with the batch's own mean and variance.</summary>
    private Backward WithBatchStatistics(MovingStatistics statistics)
    {
        var a = s.Ahead;
        var mean = a.Mean(s.X(), _others, keep: true);
        var centred = a.Sub(s.X(), mean);
        var count = Count(s, centred);
        var variance = a.Mean(a.Mul(centred, centred), _others, keep: true);
        var inverse = Inverse(variance);
        var factor = a.Mul(inverse, Channelwise(1));
        a.Graph.Node("Add", s.Y(), [a.Mul(centred, factor), Channelwise(2)]);
        Move(s, statistics, mean, variance, count);
        return gradients =>
        {
            var (w, dy) = (s.Back, gradients[0]!);
            var product = s.Wants(0) || s.Wants(1) ? w.Mean(w.Mul(dy, centred), _others, keep: true) : null;
            var average = s.Wants(0) || s.Wants(2) ? w.Mean(dy, _others, keep: true) : null;
            string? dx = null;
            if (s.Wants(0))   // factor * (dy - mean(dy) - xhat * mean(dy * xhat)) with xhat = centred * inverse
            {
                var slope = w.Mul(centred, w.Mul(product!, w.Mul(inverse, inverse)));
                dx = w.Mul(w.Sub(w.Sub(dy, average!), slope), factor);
            }
            return
            [
                dx,
                s.Wants(1) ? w.Reshape(w.Mul(w.Mul(product!, count), inverse), -1) : null,
                s.Wants(2) ? w.Reshape(w.Mul(average!, count), -1) : null,
            ];
        };
    }

    /// <summary>As in deployment: the running mean and variance are constants, also on the way back.</summary>
    /// <remarks>x * factor + shift: ONNX Runtime's BatchNormalization has one thread and takes several times as long.</remarks>
    private Backward WithRunningStatistics()
    {
        var a = s.Ahead;
        var inverse = Inverse(Channelwise(4));
        var factor = a.Mul(inverse, Channelwise(1));
        var shift = a.Sub(Channelwise(2), a.Mul(Channelwise(3), factor));
        a.Graph.Node("Add", s.Y(), [a.Mul(s.X(), factor), shift]);
        return gradients =>
        {
            var (w, dy) = (s.Back, gradients[0]!);
            return
            [
                s.Wants(0) ? w.Mul(dy, factor) : null,
                s.Wants(1) ? w.Reshape(w.Mul(w.Sum(w.Mul(dy, w.Sub(s.X(), Channelwise(3))), _others, keep: true), inverse), -1) : null,
                s.Wants(2) ? w.Sum(dy, _others, keep: false) : null,
            ];
        };
    }

    private string Inverse(string variance) => s.Ahead.Node("Reciprocal", [s.Ahead.Node("Sqrt", [s.Ahead.Add(variance, s.Float("epsilon", 1e-5f))])]);

    /// <summary>(C) -> (1, C, 1, 1), once an input.</summary>
    private string Channelwise(int input) => _channelwise[input] ??= s.Ahead.Reshape(s.X(input), [1, -1, .. Enumerable.Repeat(1L, s.In().Rank - 2)]);
}
